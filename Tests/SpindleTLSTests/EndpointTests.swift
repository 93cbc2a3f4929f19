import Spindle
import SpindleTLS
import Testing

/// TLS at the place of any endpoint, and on several reactors.
@Suite(.ownThreads) struct EndpointTests {
    private final class CountingFactory: Factory {
        var server: Recorder?
        private(set) var events: [String] = []
        override func startFactory() { events.append("start") }
        override func buildProtocol(_ address: SocketAddress) -> Protocol? {
            server = .echo()
            return server
        }
        override func stopFactory() { events.append("stop") }
    }

    @Test("E1: over a UNIX socket, where connecting is over when the handshake is")
    func unix() throws {
        let path = Certificates.file("socket")
        let reactor = try Reactor()
        let factory = CountingFactory()
        let client = Recorder()
        client.onData = { me, _ in me.transport.loseConnection() }
        try reactor.run(limit: .seconds(20)) {
            let listening = UNIXServerEndpoint(reactor, path)
            let port = try await wrapServerTLS(listening, Certificates.server()).listen(factory).value()
            let endpoint = wrapClientTLS(
                UNIXClientEndpoint(reactor, path), try Certificates.client(), serverName: "localhost")
            let made = try await endpoint.connectProtocol(client).value()
            #expect(made.transport.tls?.isVerified == true)
            client.transport.write("hello")
            try await reactor.until { client.reason != nil && factory.server?.reason != nil }
            _ = port.stopListening()
        }
        #expect(client.text == "hello" && client.reason is ConnectionDone)
        #expect(factory.events == ["start", "stop"] && factory.server?.factory === factory)
        // It holds the factory.
        factory.server = nil
    }

    @Test("E1: an endpoint fails with what the handshake failed with, and with a configuration that cannot be used")
    func failures() throws {
        let reactor = try Reactor()
        let port = try reactor.listenTLS(0, Factory { Recorder() }, Certificates.server(), interface: "127.0.0.1")
        let endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.address.port!)
        let client = try Certificates.client()
        var broken = client
        broken.trustRoots = .file("/none")
        let stranger = wrapClientTLS(endpoint, client, serverName: "b.example")
        let unusable = wrapClientTLS(endpoint, broken, serverName: "localhost")
        let doubled = wrapClientTLS(stranger, client, serverName: "localhost")
        var errors: [any Error] = []
        for connected in [stranger, unusable, doubled].map({ $0.connect(Factory { Recorder() }) }) {
            connected.addCallbacks({ _ in Issue.record("connected") }, { errors.append($0) })
        }
        try reactor.run(limit: .seconds(20)) { try await reactor.until { errors.count == 3 } }
        #expect(errors.contains { ($0 as? TLSConfigurationError)?.subject == "/none" })
        #expect(errors.contains { ($0 as? CannotStartTLSError)?.reason == .already })
        let names = ["localhost", "127.0.0.1", "::1"]
        #expect(
            errors.contains {
                ($0 as? TLSHandshakeError)?.reason == .wrongName(expected: "b.example", found: names)
            })
    }

    @Test("a Connection speaks TLS as it speaks anything else")
    func connection() throws {
        let reactor = try Reactor()
        let port = try reactor.listenTLS(0, Factory { Recorder.echo() }, Certificates.server(), interface: "127.0.0.1")
        let endpoint = HostnameEndpoint(reactor, "localhost", port.address.port!)
        try reactor.run(limit: .seconds(20)) {
            let connection = try await wrapClientTLS(endpoint, try Certificates.client(), serverName: "localhost")
                .connect()
            try await connection.write("hello")
            let piece = try await connection.read { String(decoding: $0) }
            #expect(piece == "hello" && connection.transport.tls?.version == .tls13)
        }
    }

    @Test("L1: a group shares the port, and its sessions", arguments: [ReactorGroup.Sharing.kernel, .acceptor])
    func group(sharing: ReactorGroup.Sharing) throws {
        let group = try ReactorGroup(count: 2)
        let resumed = Lock<[Bool]>([])
        let address = try group.listenTLS(
            0, Certificates.server(), interface: "127.0.0.1", sharing: sharing
        ) { _ in
            Factory {
                let server = Recorder()
                server.onMade = { me in
                    resumed.withLock { $0.append(me.session!.wasResumed) }
                    me.transport.write("hello\n")
                }
                return server
            }
        }
        let ticket = Certificates.file("group-ticket-\(sharing)")
        let handle = group.handles[0]
        let thread = ScriptThread {
            for option in ["-sess_out", "-sess_in", "-sess_in", "-sess_in", "-sess_in"] {
                let program = try? Program(
                    "openssl", "s_client", "-connect", "\(address)", "-CAfile", Certificates.file("root.pem"), option,
                    ticket)
                _ = try? program?.read(until: "hello")
                _ = try? program?.wait()
            }
            handle.stop()
        }
        try group.run()
        thread.join()
        #expect(resumed.withLock { $0 } == [false, true, true, true, true])
    }
}
