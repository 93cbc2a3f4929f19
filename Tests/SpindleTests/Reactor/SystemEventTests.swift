import Spindle
import Testing

/// Rules R1 and R4 of the contract: the phases of starting and stopping.
@Suite(.ownThreads) struct SystemEventTests {
    struct Mishap: Error {}

    @Test("R4: shutdown has three phases, each in the order in which its triggers were added")
    func phases() throws {
        let reactor = try Reactor(options: .forTests)
        var calls: [String] = []
        for number in 1...2 {
            for phase in [SystemEventPhase.after, .before, .during] {
                reactor.addSystemEventTrigger(phase, .shutdown) {
                    calls.append("\(phase) \(number)")
                    #expect(reactor.isRunning && reactor.isStopping)
                }
            }
        }
        reactor.callWhenRunning {
            try reactor.stop()
            calls.append("stop() has returned")
        }
        try reactor.run()
        #expect(
            calls == [
                "stop() has returned", "before 1", "before 2", "during 1", "during 2", "after 1", "after 2",
            ])
    }

    @Test("R1: startup has three phases; callWhenRunning is the last")
    func startup() throws {
        let reactor = try Reactor(options: .forTests)
        var calls: [String] = []
        reactor.callWhenRunning { calls.append("hook") }
        for phase in [SystemEventPhase.after, .during, .before] {
            reactor.addSystemEventTrigger(phase, .startup) {
                calls.append("\(phase)")
                #expect(reactor.isRunning && !reactor.isStopping)
            }
        }
        reactor.callWhenRunning { try reactor.stop() }
        try reactor.run()
        #expect(calls == ["before", "during", "hook", "after"])
    }

    @Test("R1: startup waits for the Deferreds of its first phase")
    func slowStartup() throws {
        let reactor = try Reactor(options: .forTests)
        var isReady = false
        reactor.addSystemEventTrigger(.before, .startup) {
            reactor.sleep(.milliseconds(5)).addCallback { isReady = true }
        }
        reactor.callWhenRunning {
            #expect(isReady)
            try reactor.stop()
        }
        try reactor.runWatched()
        #expect(isReady)
    }

    @Test("R1: triggers are called once; a reactor that runs again calls those that were added since")
    func onceOnly() throws {
        let reactor = try Reactor(options: .forTests)
        var calls = 0
        reactor.addSystemEventTrigger(.during, .startup) { calls += 1 }
        reactor.addSystemEventTrigger(.after, .shutdown) { calls += 1 }
        for _ in 0..<2 {
            reactor.callWhenRunning { try reactor.stop() }
            try reactor.run()
        }
        #expect(calls == 2)
    }

    @Test("R1, R4: a trigger added by another of its phase is called, behind those that were there")
    func addedMeanwhile() throws {
        let reactor = try Reactor(options: .forTests)
        var calls: [Int] = []
        for phase in [SystemEventPhase.before, .during, .after] {
            reactor.addSystemEventTrigger(phase, .shutdown) {
                calls.append(1)
                reactor.addSystemEventTrigger(phase, .shutdown) { calls.append(3) }
            }
            reactor.addSystemEventTrigger(phase, .shutdown) { calls.append(2) }
        }
        reactor.callWhenRunning { try reactor.stop() }
        try reactor.run()
        #expect(calls == [1, 2, 3, 1, 2, 3, 1, 2, 3])
    }

    @Test("R4: a trigger that was removed is not called; removing it again, or after it was called, does nothing")
    func removing() throws {
        let reactor = try Reactor(options: .forTests)
        var calls: [String] = []
        let removed = reactor.addSystemEventTrigger(.before, .shutdown) { calls.append("removed") }
        let removedLater = reactor.addSystemEventTrigger(.before, .shutdown) { calls.append("removed later") }
        reactor.removeSystemEventTrigger(removed)
        reactor.removeSystemEventTrigger(removed)
        var first: SystemEventTrigger?
        first = reactor.addSystemEventTrigger(.during, .startup) {
            calls.append("first")
            reactor.removeSystemEventTrigger(removedLater)
        }
        reactor.callWhenRunning {
            if let first { reactor.removeSystemEventTrigger(first) }
            try reactor.stop()
        }
        try reactor.run()
        #expect(calls == ["first"])
    }

    @Test("R4, R6: what a trigger throws, and what it waited for in vain, is logged and holds nothing up")
    func failures() throws {
        let log = CapturedLog()
        let reactor = try Reactor(options: log.options)
        var calls: [SystemEventPhase] = []
        for phase in [SystemEventPhase.before, .during, .after] {
            reactor.addSystemEventTrigger(phase, .shutdown) { throw Mishap() }
            reactor.addSystemEventTrigger(phase, .shutdown) { Deferred<Void>(.failure(Mishap())) }
            reactor.addSystemEventTrigger(phase, .shutdown) { calls.append(phase) }
        }
        reactor.callWhenRunning { try reactor.stop() }
        try reactor.run()
        #expect(calls == [.before, .during, .after])
        #expect(log.lines.count { $0.contains("Mishap") } == 6)
    }

    @Test("R4: what comes before shutdown is waited for, with ports, connections, timers and tasks as they were")
    func beforeShutdown() throws {
        let reactor = try Reactor(options: .forTests)
        let server = Recorder()
        server.onData = { me, data in me.transport.write(data) }
        var next: Recorder? = server
        let port = try reactor.listenTCP(0, Factory { next.take() }, interface: "127.0.0.1")
        var steps: [String] = []
        reactor.addSystemEventTrigger(.before, .shutdown) {
            reactor.spawn {
                #expect(port.isListening)
                let client = Recorder()
                _ = try await TCP4ClientEndpoint(reactor, "127.0.0.1", port.address.port ?? 0)
                    .connectProtocol(client).value()
                client.transport.write("still here?")
                try await reactor.until { client.receivedText == "still here?" }
                steps.append("served")
                #expect(throws: ReactorNotRunning.self) { try reactor.stop() }
                try await reactor.sleep(.milliseconds(2)).value()
                steps.append("slept")
            }
        }
        reactor.addSystemEventTrigger(.during, .shutdown) {
            steps.append("during")
            #expect(!port.isListening && server.losses == 0)
        }
        reactor.addSystemEventTrigger(.after, .shutdown) {
            steps.append("after")
            #expect(server.losses == 1)
        }
        reactor.callWhenRunning { try reactor.stop() }
        try reactor.runWatched()
        #expect(steps == ["served", "slept", "during", "after"])
    }

    @Test("R4: the triggers of one phase do not wait for each other, and all are waited for")
    func severalDeferreds() throws {
        let reactor = try Reactor(options: .forTests)
        let waits = (0..<3).map { _ in Deferred<Void>() }
        for wait in waits { reactor.addSystemEventTrigger(.before, .shutdown) { wait } }
        var isOver = false
        reactor.addSystemEventTrigger(.during, .shutdown) { isOver = true }
        func awaited() -> Int {
            reactor.describe().split(separator: "\n").count { $0.contains("trigger to wait for, added at") }
        }
        reactor.callWhenRunning {
            try reactor.stop()
            reactor.spawn {
                for (index, wait) in waits.enumerated().reversed() {
                    for _ in 0..<3 { try await reactor.sleep(.zero).value() }
                    #expect(!isOver && awaited() == index + 1)
                    try wait.callback(())
                }
            }
        }
        try reactor.runWatched()
        #expect(isOver)
    }

    @Test("R4: a Deferred of a later phase holds nothing up")
    func laterDeferreds() throws {
        let reactor = try Reactor(options: .forTests)
        for phase in [SystemEventPhase.during, .after] {
            reactor.addSystemEventTrigger(phase, .shutdown) { Deferred<Int>() }
        }
        reactor.callWhenRunning { try reactor.stop() }
        try reactor.runWatched()
    }

    @Test("R4: a delayed call set by the last words of all is called off, too, and keeps nothing")
    func lastDelayedCall() throws {
        weak var released: Reactor?
        do {
            let reactor = try Reactor(options: .forTests)
            released = reactor
            reactor.addSystemEventTrigger(.after, .shutdown) {
                reactor.handle.callFromThread { reactor in reactor.callLater(.seconds(60)) { _ = reactor.passes } }
            }
            reactor.callWhenRunning { try reactor.stop() }
            try reactor.run()
            #expect(reactor.delayedCalls.isEmpty)
        }
        #expect(released == nil)
    }

    @Test("R1: what the startup of an earlier run waited for has no part in the next", arguments: [true, false])
    func staleStartup(firesBetween: Bool) throws {
        let reactor = try Reactor(options: .forTests)
        let waits = [Deferred<Void>(), Deferred<Void>()]
        reactor.addSystemEventTrigger(.before, .startup) { waits[0] }
        reactor.callLater(.zero) { try reactor.stop() }
        try reactor.runWatched()
        if firesBetween { try waits[0].callback(()) }
        reactor.addSystemEventTrigger(.before, .startup) { waits[1] }
        reactor.callWhenRunning {
            #expect(waits[1].hasFired)
            // For a third run, which does not come.
            reactor.addSystemEventTrigger(.during, .startup) { Issue.record("started twice") }
        }
        reactor.callWhenRunning {
            reactor.spawn {
                if !firesBetween { try waits[0].callback(()) }
                for _ in 0..<3 { try await reactor.sleep(.zero).value() }
                try reactor.stop()
            }
        }
        reactor.spawn {
            for _ in 0..<3 { try await reactor.sleep(.zero).value() }
            try waits[1].callback(())
        }
        try reactor.runWatched()
    }
}
