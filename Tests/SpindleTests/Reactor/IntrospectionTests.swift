import Spindle
import Testing

/// What a reactor tells of itself: its figures, what keeps it busy, and what holds it up.
@Suite(.ownThreads) struct IntrospectionTests {
    private static func holdUp(_ time: Duration) {
        let end = ContinuousClock.now + time
        while .now < end {}
    }

    @Test("statistics count what is there and what was done")
    func figures() throws {
        let reactor = try Reactor(options: .forTests)
        let server = Recorder()
        server.onData = { me, data in me.transport.write(data) }
        var next: Recorder? = server
        let port = try reactor.listenTCP(0, Factory { next.take() }, interface: "127.0.0.1")
        #expect(reactor.statistics.listeningPorts == 1 && reactor.statistics.passes == 0)
        #expect(reactor.statistics.threads == nil)
        try reactor.run {
            let client = Recorder()
            let connecting = TCP4ClientEndpoint(reactor, "127.0.0.1", port.address.port ?? 0).connectProtocol(client)
            #expect(reactor.statistics.connectionAttempts == 1)
            _ = try await connecting.value()
            client.transport.write("sixteen letters!")
            try await reactor.until { client.receivedText == "sixteen letters!" }
            let timer = reactor.callLater(.seconds(60)) {}
            let before = reactor.statistics
            #expect(before.connections == 2 && before.connectionAttempts == 0)
            #expect(before.bytesReceived == 32 && before.bytesWritten == 32)
            #expect(before.tasks == 1 && before.passes > 2 && before.jobs > 2)
            try timer.cancel()
            #expect(reactor.statistics.delayedCalls == before.delayedCalls - 1)
            _ = try await reactor.deferToThread { 1 }.value()
            try await reactor.until { reactor.statistics.threads?.completed == 1 }
        }
        let after = reactor.statistics
        #expect(after.connections == 0 && after.listeningPorts == 0 && after.tasks == 0 && after.delayedCalls == 0)
    }

    @Test("describe() names what keeps the reactor busy")
    func description() throws {
        let reactor = try Reactor(options: .forTests)
        let nothing = "idle; 0 ports, 0 connections, 0 attempts, 0 delayed calls, 0 tasks, 0 watched descriptors"
        #expect(reactor.describe() == nothing)
        let server = Recorder()
        var next: Recorder? = server
        let port = try reactor.listenTCP(0, Factory { next.take() }, interface: "127.0.0.1")
        try reactor.run {
            let client = try await TCP4ClientEndpoint(reactor, "127.0.0.1", port.address.port ?? 0)
                .connectProtocol(Recorder()).value()
            client.transport.pauseProducing()
            server.transport.write([UInt8](repeating: 1, count: 32 << 20))
            server.transport.loseConnection()
            for number in 0..<22 { reactor.callLater(.seconds(60 + number)) {} }
            let lines = reactor.describe().split(separator: "\n").map(String.init)
            #expect(lines[0].hasPrefix("running; 1 port, 2 connections, 0 attempts, "))
            #expect(lines.contains("  port \(port.address) (Factory), 1 connection"))
            #expect(lines.contains("  connection \(port.address) (Recorder), paused"))
            let closing = lines.first { $0.contains("\(server.transport.peer) (Recorder), closing, ") }
            #expect(closing?.hasSuffix(" bytes to send") == true)
            #expect(lines.count { $0.hasPrefix("  a call due in ") } == 20)
            #expect(lines.contains { $0.hasPrefix("  and ") && $0.hasSuffix(" more delayed calls") })
            #expect(lines.contains { $0.hasPrefix("  task spawned at SpindleTests/") })
            client.transport.abortConnection()
            server.transport.abortConnection()
        }
    }

    @Test("a callback that holds the loop up is named in the log, with its duration")
    func slowCallbacks() throws {
        let log = CapturedLog()
        var options = Reactor.Options.forTests
        options.logger = log.logger
        options.slowCallbackLimit = .milliseconds(5)
        let reactor = try Reactor(options: options)
        let server = Recorder()
        server.onData = { me, _ in
            Self.holdUp(.milliseconds(6))
            me.transport.write("done")
        }
        var next: Recorder? = server
        let port = try reactor.listenTCP(0, Factory { next.take() }, interface: "127.0.0.1")
        reactor.callWhenRunning { Self.holdUp(.milliseconds(6)) }
        reactor.callLater(.zero) { Self.holdUp(.milliseconds(6)) }
        reactor.handle.callFromThread { _ in Self.holdUp(.milliseconds(6)) }
        try reactor.run {
            let client = try await TCP4ClientEndpoint(reactor, "127.0.0.1", port.address.port ?? 0)
                .connectProtocol(Recorder()).value()
            client.transport.write("x")
            try await reactor.until { client.receivedText == "done" }
            Self.holdUp(.milliseconds(6))
            try await reactor.sleep(.zero).value()
        }
        let peer = server.transport.peer
        for occasion in [
            "a trigger of after startup", "a delayed call", "a queued call", "a step of a task",
            "an event of \(peer) (Recorder)",
        ] {
            #expect(log.lines.contains { $0.contains("\(occasion) held the loop up for ") }, "\(occasion)")
        }
    }

    @Test("callbacks that are quick enough are not logged; nil is no limit", arguments: [Duration.seconds(60), nil])
    func quickCallbacks(limit: Duration?) throws {
        let log = CapturedLog()
        var options = Reactor.Options.forTests
        options.logger = log.logger
        options.slowCallbackLimit = limit
        let reactor = try Reactor(options: options)
        reactor.callLater(.zero) {
            Self.holdUp(.milliseconds(30))
            try reactor.stop()
        }
        try reactor.runWatched()
        #expect(!log.lines.contains { $0.contains("held the loop up") })
        #expect(reactor.statistics.longestPass >= .milliseconds(20))
    }
}
