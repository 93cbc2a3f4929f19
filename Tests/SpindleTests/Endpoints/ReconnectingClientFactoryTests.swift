import Spindle
import Testing

/// ReconnectingClientFactory, on a held clock.
@Suite(.ownThreads) struct ReconnectingClientFactoryTests {
    /// Counts attempts.
    private final class Counter: ReconnectingClientFactory {
        var attempts = 0
        var onAttempt: (Connector) -> Void = { _ in }
        var serves = false
        override func buildProtocol(_ address: SocketAddress) -> Protocol? { serves ? Recorder() : nil }
        override func startedConnecting(_ connector: Connector) {
            super.startedConnecting(connector)
            attempts += 1
            onAttempt(connector)
        }
    }

    /// A connector whose attempts fail at once, without a network, in the pass after each: a path
    /// that is too long for a socket.
    private func failing(_ factory: ReconnectingClientFactory, on reactor: Reactor) -> Connector {
        reactor.connectUNIX(String(repeating: "x", count: 200), factory)
    }

    private func makeReactor() throws -> Reactor {
        let reactor = try Reactor(options: .forTests)
        reactor.stopClock()
        return reactor
    }

    private func makeFactory() -> Counter {
        let factory = Counter()
        (factory.jitter, factory.factor, factory.maxDelay) = (0, 2, .seconds(8))
        return factory
    }

    @Test("F5: retries come after delays that grow, and small again after resetDelay")
    func delays() throws {
        let reactor = try makeReactor()
        let factory = makeFactory()
        _ = failing(factory, on: reactor)
        reactor.advance(by: .zero)
        for (count, delay) in [1, 2, 4, 8, 8].enumerated() {
            #expect(factory.attempts == count + 1 && factory.retries == count + 1)
            reactor.advance(by: .seconds(delay) - .milliseconds(1))
            #expect(factory.attempts == count + 1)
            reactor.advance(by: .milliseconds(1))
        }
        #expect(factory.attempts == 6)
        reactor.advance(by: .seconds(8))
        factory.resetDelay()
        reactor.advance(by: .seconds(8))  // that one had begun
        #expect(factory.attempts == 8 && factory.retries == 1)
        reactor.advance(by: .seconds(1))
        #expect(factory.attempts == 9)
        factory.stopTrying()
    }

    @Test("F5: Twisted's defaults")
    func defaults() throws {
        let factory = ReconnectingClientFactory()
        #expect(factory.initialDelay == .seconds(1) && factory.maxDelay == .seconds(3600))
        #expect((2.718...2.719).contains(factory.factor) && (0.119...0.12).contains(factory.jitter))
        #expect(factory.maxRetries == nil && factory.continueTrying && factory.retries == 0)
    }

    @Test("F5: stopTrying calls off the retries that wait, of all connectors")
    func stopTryingWhileWaiting() throws {
        let reactor = try makeReactor()
        let factory = makeFactory()
        let connectors = (0..<3).map { _ in failing(factory, on: reactor) }
        reactor.advance(by: .zero)
        #expect(reactor.delayedCallCount == 3 && factory.attempts == 3)
        factory.stopTrying()
        #expect(reactor.delayedCallCount == 0 && !factory.continueTrying)
        reactor.advance(by: .seconds(100))
        #expect(factory.attempts == 3)
        #expect(connectors.allSatisfy { $0.state == .disconnected })
        factory.retry(connectors[0])
        #expect(reactor.delayedCallCount == 0)
    }

    @Test("F5: stopTrying calls off the attempts under way, and they are not retried")
    func stopTryingWhileConnecting() throws {
        let reactor = try makeReactor()
        let factory = makeFactory()
        let connector = reactor.connectTCP("127.0.0.1", 1, factory)
        #expect(connector.state == .connecting)
        factory.stopTrying()
        reactor.advance(by: .seconds(100))
        #expect(connector.state == .disconnected && factory.attempts == 1 && reactor.delayedCallCount == 0)
    }

    @Test("F5: after maxRetries it gives up, until resetDelay")
    func maxRetries() throws {
        let reactor = try makeReactor()
        let factory = makeFactory()
        factory.maxRetries = 2
        let connector = failing(factory, on: reactor)
        reactor.advance(by: .seconds(1000))
        #expect(factory.attempts == 3 && factory.retries == 2 && reactor.delayedCallCount == 0)
        factory.resetDelay()
        factory.retry(connector)
        reactor.advance(by: .seconds(1))
        #expect(factory.attempts == 4)
        factory.stopTrying()
    }

    @Test("F5: a connection that is lost is made again; after stopTrying it is not")
    func lost() throws {
        let reactor = try Reactor(options: .forTests)
        let port = try reactor.listenTCP(0, Factory { Recorder.echo() }, interface: "127.0.0.1")
        final class Persistent: ReconnectingClientFactory {
            var made: [Recorder] = []
            override func buildProtocol(_ address: SocketAddress) -> Protocol? {
                resetDelay()
                let recorder = Recorder()
                let count = made.count
                recorder.onMade = { [unowned self] me in
                    if count == 2 { stopTrying() }
                    me.transport.loseConnection()
                }
                made.append(recorder)
                return recorder
            }
            override func clientConnectionLost(_ connector: Connector, _ reason: any Error) {
                super.clientConnectionLost(connector, reason)
                if !continueTrying { connector.reactor.callLater(.milliseconds(20)) { try connector.reactor.stop() } }
            }
        }
        let factory = Persistent()
        factory.initialDelay = .milliseconds(1)
        reactor.connectTCP("127.0.0.1", port.address.port ?? 0, factory)
        try reactor.runWatched()
        #expect(factory.made.count == 3 && factory.made.allSatisfy { $0.losses == 1 })
        #expect(factory.retries == 0 && !factory.continueTrying)
        factory.made = []
    }

    @Test("F5: nothing is retried while the reactor stops")
    func stopping() throws {
        let reactor = try Reactor(options: .forTests)
        let port = try reactor.listenTCP(0, Factory { Recorder.echo() }, interface: "127.0.0.1")
        let factory = makeFactory()
        factory.initialDelay = .zero
        factory.serves = true
        let connector = reactor.connectTCP("127.0.0.1", port.address.port ?? 0, factory)
        reactor.poll { connector.state == .connected }
        try reactor.runWatched()
        #expect(connector.state == .disconnected && factory.attempts == 1 && factory.retries == 0)
    }

    @Test("F5: a retry finds the connector connected by somebody else, and does no harm")
    func busy() throws {
        let reactor = try makeReactor()
        let factory = makeFactory()
        let connector = failing(factory, on: reactor)
        reactor.advance(by: .zero)
        var isBusy = false
        factory.onAttempt = { connector in
            // A retry that comes in the midst of another attempt.
            factory.retry(connector)
            reactor.advance(by: .zero)
            isBusy = connector.state == .connecting
        }
        factory.initialDelay = .zero
        try connector.connect()
        #expect(isBusy)
        factory.onAttempt = { _ in }
        factory.stopTrying()
        reactor.advance(by: .seconds(100))
        #expect(connector.state == .disconnected)
    }

    @Test("S8: neither connectors nor factories are kept when nothing will come of them")
    func lifetime() throws {
        weak var kept: Counter?
        weak var keptConnector: Connector?
        try {
            let reactor = try makeReactor()
            let factory = makeFactory()
            kept = factory
            keptConnector = failing(factory, on: reactor)
            reactor.advance(by: .seconds(3))
            #expect(factory.attempts == 3 && keptConnector != nil)
            factory.stopTrying()
        }()
        #expect(kept == nil && keptConnector == nil)
    }
}
