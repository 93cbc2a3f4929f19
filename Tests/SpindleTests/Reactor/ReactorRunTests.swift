import Glibc
import Logging
import Spindle
import Synchronization
import Testing

/// Rules R1, R2, R3 and R6 of the contract: running, stopping, the order within a pass.
@Suite(.ownThreads) struct ReactorRunTests {
    @Test("R1: run() calls the startup hooks in order, and a stopped reactor runs again")
    func runsAgain() throws {
        let reactor = try Reactor(options: .forTests)
        for _ in 0..<3 {
            var calls: [Int] = []
            for number in 0..<3 { reactor.callWhenRunning { calls.append(number) } }
            reactor.callWhenRunning {
                #expect(reactor.isRunning)
                reactor.callWhenRunning { calls.append(3) }
                calls.append(4)
                try reactor.stop()
            }
            try reactor.run()
            #expect(!reactor.isRunning)
            #expect(calls == [0, 1, 2, 3, 4])
        }
    }

    @Test("R1: reactors on several threads do not disturb each other")
    func severalThreads() throws {
        let total = Atomic(0)
        let threads = (0..<4).map { _ in
            ScriptThread {
                do {
                    let reactor = try Reactor(options: .forTests)
                    var left = 100
                    func tick() throws {
                        total.add(1, ordering: .relaxed)
                        left -= 1
                        if left > 0 { reactor.callLater(.zero, tick) } else { try reactor.stop() }
                    }
                    reactor.callWhenRunning(tick)
                    try reactor.run()
                } catch { Issue.record(error) }
            }
        }
        for thread in threads { thread.join() }
        #expect(total.load(ordering: .relaxed) == 400)
    }

    @Test("R2: run() while running and stop() while not are errors")
    func misuse() throws {
        let reactor = try Reactor(options: .forTests)
        #expect(throws: ReactorNotRunning.self) { try reactor.stop() }
        reactor.callWhenRunning {
            #expect(throws: ReactorAlreadyRunning.self) { try reactor.run() }
            try reactor.stop()
            #expect(throws: ReactorNotRunning.self) { try reactor.stop() }
            #expect(reactor.isStopping)
        }
        try reactor.run()
    }

    @Test("R2: stop() from another thread through the handle; twice does no harm")
    func stopFromElsewhere() throws {
        let reactor = try Reactor(options: .forTests)
        let handle = reactor.handle
        var thread: ScriptThread?
        reactor.callWhenRunning {
            thread = ScriptThread {
                handle.stop()
                handle.stop()
            }
        }
        try reactor.runWatched()
        thread?.join()
        #expect(!reactor.isRunning)
        // The second one is over as well: it does not keep the reactor from running again.
        var ranAgain = false
        reactor.callWhenRunning {
            ranAgain = true
            try reactor.stop()
        }
        try reactor.runWatched()
        #expect(ranAgain)
    }

    @Test(
        "R3: what a pass queues runs in a later one, so that I/O is not starved",
        arguments: ["timer", "call", "task"])
    func noStarvation(kind: String) throws {
        let reactor = try Reactor(options: .forTests)
        var passes = 0
        var isOver = false
        func again() {
            passes += 1
            if isOver || passes > 1_000_000 { return }
            switch kind {
            case "timer": reactor.callLater(.zero, again)
            case "call":
                let bound = reactor.bound(again)
                reactor.handle.callFromThread { bound.value(on: $0)() }
            default:
                reactor.spawn {
                    try await reactor.sleep(.zero).value()
                    again()
                }
            }
        }
        // A connection that is made, served and lost while the loop is kept busy.
        let subject = Recorder()
        subject.onData = { me, data in me.transport.write(data) }
        var next: Recorder? = subject
        let port = try reactor.listenTCP(0, Factory { next.take() }, interface: "127.0.0.1")
        let address = port.address
        subject.whenLost = {
            isOver = true
            try? reactor.stop()
        }
        reactor.callWhenRunning(again)
        let thread = ScriptThread {
            let peer = try? Peer.connect(to: address)
            try? peer?.send("ping")
            _ = try? peer?.receive(4)
        }
        try reactor.run()
        thread.join()
        #expect(subject.receivedText == "ping")
        #expect(passes > 1 && passes < 1_000_000)
    }

    @Test("R3: a pass runs queued calls, then due timers")
    func orderInAPass() throws {
        let reactor = try Reactor(options: .forTests)
        var order: [String] = []
        reactor.callWhenRunning {
            reactor.callLater(.zero) { order.append("timer") }
            let note = reactor.bound { order.append("call") }
            reactor.handle.callFromThread { note.value(on: $0)() }
        }
        reactor.callLater(.milliseconds(5)) { try reactor.stop() }
        try reactor.run()
        #expect(order == ["call", "timer"])
    }

    @Test("R6: what queued calls, timers and hooks throw is logged, and harms nobody else")
    func errorsAreIsolated() throws {
        struct Mishap: Error {}
        let log = CapturedLog()
        let reactor = try Reactor(options: log.options)
        reactor.callWhenRunning { throw Mishap() }
        reactor.callLater(.zero) { throw Mishap() }
        reactor.handle.callFromThread { _ in throw Mishap() }
        reactor.callLater(.milliseconds(1)) { try reactor.stop() }
        try reactor.run()
        #expect(log.lines.count { $0.contains("Mishap") } == 3)
    }

    @Test("R4: stopping closes ports, tells every connection to close, and sends what is pending")
    func shutdown() throws {
        let reactor = try Reactor(options: .forTests)
        let large = [UInt8](repeating: 9, count: 4 << 20)
        var subjects: [Recorder] = []
        let factory = Factory {
            let subject = Recorder()
            subject.onMade = { me in me.transport.write(large) }
            subject.onData = { me, _ in try me.reactor.stop() }
            subjects.append(subject)
            return subject
        }
        let port = try reactor.listenTCP(0, factory, interface: "127.0.0.1")
        let address = port.address
        let thread = ScriptThread {
            do {
                let idle = try Peer.connect(to: address)
                let peer = try Peer.connect(to: address, receiveBuffer: 4096)
                try peer.send("stop")
                let count = try peer.receiveToEnd().count
                #expect(count == large.count)
                _ = try idle.receiveToEnd()
            } catch { Issue.record(error) }
        }
        try reactor.run()
        #expect(!port.isListening)
        #expect(subjects.count == 2)
        #expect(subjects.allSatisfy { $0.losses == 1 && $0.reason is ConnectionDone })
        // The factory holds them, and they hold the factory.
        subjects = []
        thread.join()
    }

    @Test("R4: a connection that cannot finish in its grace period is aborted")
    func shutdownGrace() throws {
        var options = Reactor.Options.forTests
        options.shutdownGrace = .milliseconds(50)
        let reactor = try Reactor(options: options)
        let subject = Recorder()
        subject.onMade = { me in
            me.transport.write([UInt8](repeating: 9, count: 32 << 20))
            try me.reactor.stop()
        }
        var next: Recorder? = subject
        let address = try reactor.listenTCP(0, Factory { next.take() }, interface: "127.0.0.1").address
        let thread = ScriptThread {
            let peer = try? Peer.connect(to: address, receiveBuffer: 4096)
            #expect(peer?.waitUnread() == ECONNRESET)
        }
        try reactor.run()
        thread.join()
        #expect(subject.reason is ConnectionAborted)
    }

    @Test("R4: a client that reconnects for ever, and a port opened on the way out, do not keep the reactor")
    func stubbornReconnecting() throws {
        let reactor = try Reactor(options: .forTests)
        var attempts = 0
        func connect() {
            attempts += 1
            TCP4ClientEndpoint(reactor, "127.0.0.1", 1).connect(Factory()).addErrback { _ in connect() }
        }
        connect()
        var next: Recorder? = Recorder()
        let factory = Factory { next.take() }
        next?.onMade = { me in try me.reactor.stop() }
        next?.onLost = { me in
            #expect(throws: ReactorNotRunning.self) { try me.reactor.listenTCP(0, Factory()) }
        }
        let address = try reactor.listenTCP(0, factory, interface: "127.0.0.1").address
        let thread = ScriptThread { _ = (try? Peer.connect(to: address))?.waitForEnd() }
        try reactor.run()
        thread.join()
        #expect(attempts > 0)
    }
}
