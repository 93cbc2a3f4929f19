import Spindle
import TestSupport
import Testing

/// Rule E4: when a ClientService tries again, and with real connections.
@Suite(.ownThreads) struct ClientServiceRetryTests {
    /// A service on a held clock, with delays of 1 s, 2 s, 4 s, 8 s.
    private func makeService(_ reactor: Reactor, _ endpoint: any StreamClientEndpoint) -> ClientService {
        let policy = BackoffPolicy(initialDelay: .seconds(1), maxDelay: .seconds(8), factor: 2, jitter: 0)
        return ClientService(reactor, endpoint, Factory { Recorder() }, retryPolicy: policy)
    }

    /// How many seconds pass until the next attempt.
    private func secondsToNextAttempt(_ reactor: Reactor, _ endpoint: ScriptedEndpoint) -> Int? {
        let before = endpoint.attemptCount
        return (1...100).first { _ in
            reactor.advance(by: .seconds(1))
            return endpoint.attemptCount > before
        }
    }

    @Test("E4: delays grow to their maximum while attempts fail, and start small after a stop")
    func growing() throws {
        let reactor = try Reactor(options: .forTests)
        reactor.stopClock()
        let endpoint = ScriptedEndpoint(reactor)
        let service = makeService(reactor, endpoint)
        service.startService()
        for expected in [1, 2, 4, 8, 8] {
            endpoint.fail(Mishap())
            #expect(secondsToNextAttempt(reactor, endpoint) == expected)
        }
        service.stopService()
        service.startService()
        endpoint.fail(Mishap())
        #expect(secondsToNextAttempt(reactor, endpoint) == 1)
        service.stopService()
    }

    @Test("E4: a server that accepts and hangs up is not hammered; a connection that lived begins anew")
    func stable() throws {
        let reactor = try Reactor(options: .forTests)
        reactor.stopClock()
        let endpoint = ScriptedEndpoint(reactor)
        let service = makeService(reactor, endpoint)
        service.startService()
        for (lived, expected) in [(0, 1), (9, 2), (0, 4), (10, 1), (9, 2), (1000, 1)] {
            endpoint.succeed()
            reactor.advance(by: .seconds(lived))
            endpoint.transports.last?.end()
            #expect(secondsToNextAttempt(reactor, endpoint) == expected, "after \(lived) s")
        }
        service.stableTime = .zero
        for _ in 0..<3 {
            endpoint.succeed()
            endpoint.transports.last?.end()
            #expect(secondsToNextAttempt(reactor, endpoint) == 1)
        }
        service.stopService()
    }

    @Test("E4: delays keep within their bounds, whatever the settings")
    func policy() {
        var generator = SeededGenerator(seed: 4)
        let plain = BackoffPolicy(jitter: 0)
        #expect(plain.delay(afterFailures: 1) == .seconds(1))
        #expect(plain.delay(afterFailures: 2) == .seconds(1.5))
        #expect(plain.delay(afterFailures: 100) == .seconds(60))
        let delays = (0..<1000).map { _ in BackoffPolicy().delay(afterFailures: 1, using: &generator) }
        #expect(delays.allSatisfy { $0 >= .seconds(0.5) && $0 <= .seconds(1) })
        #expect(Set(delays).count > 900)
        let oddities = [-1, 0, 0.5, 1, 2, 1e308, .infinity, -.infinity, .nan]
        let durations: [Duration] = [
            .seconds(Int64.min), .seconds(-1), .zero, .nanoseconds(1), .seconds(60), .seconds(Int64.max),
        ]
        for count in [Int.min, 0, 1, 2, 1000, .max] {
            for (factor, jitter) in zip(oddities.shuffled(using: &generator), oddities) {
                for (first, longest) in zip(durations.shuffled(using: &generator), durations) {
                    let policy = BackoffPolicy(
                        initialDelay: first, maxDelay: longest, factor: factor, jitter: jitter)
                    let delay = policy.delay(afterFailures: count, using: &generator)
                    #expect(delay >= .zero && delay <= max(.zero, longest), "\(policy) \(count)")
                }
            }
        }
    }

    @Test("E4: with the reactor the service stops, in whichever state, and can be started again", arguments: 0..<4)
    func reactorStops(scene: Int) throws {
        let reactor = try Reactor(options: .forTests)
        let port = try reactor.listenTCP(0, Factory { Recorder.echo() }, interface: Loopback.own())
        let address = port.address
        if scene == 0 { port.stopListening() }
        let endpoint = TCP4ClientEndpoint(reactor, address.host, address.port ?? 0)
        let service = makeService(reactor, endpoint)
        service.startService()
        var ended: (any Error)?
        let stop = { try reactor.stop() }
        switch scene {
        case 0:  // refused: it waits
            service.whenConnected(failAfterFailures: 1).addErrback { _ in try stop() }
        case 1:  // connecting
            service.whenConnected().addErrback { error in ended = error }
            reactor.callWhenRunning { try stop() }
        case 2: service.whenConnected().addCallback { _ in try stop() }
        default:  // closing
            service.whenConnected().addCallback { _ in
                service.stopService()
                try stop()
            }
        }
        try reactor.runWatched()
        #expect(!service.isRunning)
        if scene == 1 { #expect(ended is CancelledError) }
        try port.startListening()
        service.startService()
        var steps: [String] = []
        service.whenConnected().addCallback { _ in
            steps.append("connected")
            return service.stopService()
        }.addCallback {
            steps.append("stopped")
            try stop()
        }
        try reactor.runWatched()
        #expect(steps == ["connected", "stopped"])
    }

    @Test("E4: a protocol that hands its connection over is still the service's; its successor's end is the end")
    func switching() throws {
        let reactor = try Reactor(options: .forTests)
        let port = try reactor.listenTCP(0, Factory { Recorder.echo() }, interface: "127.0.0.1")
        var connections = 0
        let second = Recorder()
        // Once, and not kept: the successor will hold the factory.
        var successor: Recorder? = second
        let factory = Factory {
            connections += 1
            let recorder = Recorder()
            if let next = successor.take() { recorder.onMade = { $0.transport.switchProtocol(to: next) } }
            return recorder
        }
        let policy = BackoffPolicy(initialDelay: .milliseconds(1), jitter: 0)
        let endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.address.port ?? 0)
        let service = ClientService(reactor, endpoint, factory, retryPolicy: policy)
        service.startService()
        reactor.spawn {
            let first = try await service.whenConnected().value()
            #expect(first.isReplaced)
            second.transport.abortConnection()
            while try await service.whenConnected().value() === first {
                try await reactor.sleep(.milliseconds(1)).value()
            }
            try await service.stopService().value()
            try reactor.stop()
        }.addErrback { error in _ = Issue.record(error) }
        try reactor.runWatched()
        #expect(connections == 2 && second.losses == 1)
    }

    @Test("E4: a connection that is aborted as it is made counts as one that was lost")
    func abortedAsMade() throws {
        let reactor = try Reactor(options: .forTests)
        let port = try reactor.listenTCP(0, Factory { Recorder.echo() }, interface: "127.0.0.1")
        var made: [Recorder] = []
        let factory = Factory {
            let recorder = Recorder()
            recorder.onMade = { $0.transport.abortConnection() }
            made.append(recorder)
            return recorder
        }
        let policy = BackoffPolicy(initialDelay: .milliseconds(1), maxDelay: .milliseconds(1))
        let endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.address.port ?? 0)
        let service = ClientService(reactor, endpoint, factory, retryPolicy: policy)
        service.startService()
        var failures = 0
        reactor.spawn {
            while failures < 5 {
                do { _ = try await service.whenConnected(failAfterFailures: 1).value() } catch {
                    #expect(error is ConnectionAborted)
                    failures += 1
                }
            }
            try await service.stopService().value()
            try reactor.stop()
        }.addErrback { error in _ = Issue.record(error) }
        try reactor.runWatched()
        #expect(made.allSatisfy { $0.losses == 1 })
        made = []
    }
}
