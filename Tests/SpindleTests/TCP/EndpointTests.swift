import Spindle
import Testing

/// Rules E1 and F4 of the contract, as far as numeric addresses go.
@Suite(.ownThreads) struct EndpointTests {
    @Test("E1: listen and connect by endpoints; connect fires after connectionMade", arguments: [false, true])
    func roundTrip(ipv6: Bool) throws {
        let reactor = try Reactor(options: .forTests)
        var steps: [String] = []
        let client = Recorder()
        client.onMade = { me in
            steps.append("made")
            me.transport.write("hello")
        }
        client.onData = { me, _ in try me.reactor.stop() }
        var next: Recorder? = client
        reactor.spawn {
            let host = ipv6 ? "::1" : "127.0.0.1"
            let server: any StreamServerEndpoint =
                ipv6
                ? TCP6ServerEndpoint(reactor, 0, interface: host) : TCP4ServerEndpoint(reactor, 0, interface: host)
            let port = try await server.listen(Factory { Recorder.echo() }).value()
            let number = port.address.port ?? 0
            let endpoint: any StreamClientEndpoint =
                ipv6 ? TCP6ClientEndpoint(reactor, host, number) : TCP4ClientEndpoint(reactor, host, number)
            let connected = try await endpoint.connect(Factory { next.take() }).value()
            steps.append("connected")
            #expect(connected === client)
            #expect(client.transport.peer == port.address)
            #expect(client.transport.host.host == host)
        }.addErrback { error in _ = Issue.record(error) }
        try reactor.runWatched()
        #expect(steps == ["made", "connected"])
        #expect(client.receivedText == "hello")
    }

    @Test("E1: what fails says so in its type")
    func failures() throws {
        let reactor = try Reactor(options: .forTests)
        reactor.spawn {
            let server = TCP4ServerEndpoint(reactor, 0, interface: Loopback.own())
            let port = try await server.listen(Factory()).value()
            let address = port.address
            let endpoint = TCP4ClientEndpoint(reactor, address.host, address.port ?? 0)
            await expect(NoProtocol.self) { try await endpoint.connect(Factory { nil }).value() }
            port.stopListening()
            await expect(ConnectionRefusedError.self) { try await endpoint.connect(Factory()).value() }
            let nowhere = TCP4ClientEndpoint(reactor, "no such host", 1)
            await expect(DNSLookupError.self) { try await nowhere.connect(Factory()).value() }
            let noPort = TCP4ClientEndpoint(reactor, "127.0.0.1", 65_536)
            await expect(InvalidAddressError.self) { try await noPort.connect(Factory()).value() }
            await expect(CannotListenError.self) {
                try await TCP4ServerEndpoint(reactor, 0, interface: "nonsense").listen(Factory()).value()
            }
            try reactor.stop()
        }.addErrback { error in _ = Issue.record(error) }
        try reactor.runWatched()
    }

    @Test("F4: a time-out is a TimeoutError, and cancelling ends the attempt at once", arguments: [true, false])
    func unanswered(timesOut: Bool) throws {
        let reactor = try Reactor(options: .forTests)
        let (listener, port) = try Peer.listener(backlog: 0)
        // The kernel completes one connection for a backlog of none, and answers nobody else.
        let fillers = (0..<4).map { _ in Peer.startConnecting(toPort: port) }
        defer { withExtendedLifetime((listener, fillers)) {} }
        let timeout: Duration = timesOut ? .milliseconds(20) : .seconds(30)
        let deferred = TCP4ClientEndpoint(reactor, "127.0.0.1", port, timeout: timeout).connect(Factory())
        var outcome: (any Error)?
        deferred.addBoth { result in
            if case .failure(let error) = result { outcome = error }
            try reactor.stop()
        }
        if !timesOut { reactor.callLater(.milliseconds(5)) { deferred.cancel() } }
        try reactor.runWatched()
        #expect(timesOut ? outcome is TimeoutError : outcome is ConnectingCancelledError)
    }

    /// A factory that cancels the attempt it builds for, in one of its callbacks.
    private final class FickleFactory: Factory {
        let place: String
        var cancel: () -> Void = {}
        var built: Recorder?
        init(_ place: String) {
            self.place = place
            super.init()
        }
        override func buildProtocol(_ address: SocketAddress) -> Protocol? {
            let recorder = Recorder()
            if place == "connectionMade" { recorder.onMade = { [unowned self] _ in cancel() } }
            if place == "buildProtocol" { cancel() }
            built = recorder
            return recorder
        }
        override func stopFactory() { if place == "stopFactory" { cancel() } }
    }

    @Test(
        "E1: cancelling from inside the factory or connectionMade leaves nothing open",
        arguments: ["buildProtocol", "connectionMade"])
    func cancelledFromInside(place: String) throws {
        let reactor = try Reactor(options: .forTests)
        let address = try reactor.listenTCP(0, Factory { Recorder.echo() }, interface: "127.0.0.1").address
        let factory = FickleFactory(place)
        let deferred = TCP4ClientEndpoint(reactor, "127.0.0.1", address.port ?? 0).connect(factory)
        factory.cancel = { deferred.cancel() }
        var failure: (any Error)?
        deferred.addErrback { error in failure = error }
        reactor.spawn {
            try await reactor.until {
                failure != nil && (place == "buildProtocol" || factory.built?.losses == 1)
            }
            try reactor.stop()
        }
        try reactor.runWatched()
        factory.cancel = {}
        #expect(failure is ConnectingCancelledError || failure is CancelledError)
        #expect(factory.built?.events == (place == "buildProtocol" ? [] : [.made, .lost]))
        factory.built = nil
    }

    @Test("E1, F1: cancelling in stopFactory comes too late: connect has fired, and the connection lives on")
    func cancelledTooLate() throws {
        let reactor = try Reactor(options: .forTests)
        let address = try reactor.listenTCP(0, Factory { Recorder.echo() }, interface: "127.0.0.1").address
        let factory = FickleFactory("stopFactory")
        let deferred = TCP4ClientEndpoint(reactor, "127.0.0.1", address.port ?? 0).connect(factory)
        var cancellations = 0
        factory.cancel = {
            cancellations += 1
            deferred.cancel()
        }
        try reactor.run {
            _ = try await deferred.value()
            try await reactor.until { cancellations > 0 }
            let client = try #require(factory.built)
            client.transport.write("still there?")
            try await reactor.until { client.receivedText == "still there?" }
        }
        factory.cancel = {}
        #expect(cancellations == 1)
        factory.built = nil
    }

    private func expect<Failure: Error, Value>(
        _ type: Failure.Type, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Value
    ) async {
        do {
            _ = try await body()
            Issue.record("no error")
        } catch { #expect(error is Failure, "\(error)") }
    }
}
