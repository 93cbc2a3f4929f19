import Spindle
import SpindleTLS
import Testing

@Suite(.ownThreads) struct HandshakeTests {
    @Test(
        "L2: connectionMade comes after the handshake, with what was agreed on", arguments: [TLSVersion.tls12, .tls13])
    func versions(version: TLSVersion) throws {
        let reactor = try Reactor()
        let server = Recorder.echo()
        let client = ClientRecorder()
        client.made.onMade = { me in me.transport.write("hello") }
        client.made.onData = { me, _ in if me.text == "hello" { me.transport.loseConnection() } }
        let configuration = try Certificates.server { $0.applicationProtocols = ["b", "a"] }
        let port = try reactor.listenTLS(0, .once(server), configuration, interface: "127.0.0.1")
        let mine = try Certificates.client {
            $0.maximumVersion = version
            $0.applicationProtocols = ["a", "b"]
        }
        try reactor.run(limit: .seconds(20)) {
            reactor.connectTLS("localhost", port.address.port!, client, mine)
            try await reactor.until { client.isOver && server.reason != nil }
        }
        #expect(client.failure == nil && client.made.text == "hello")
        #expect(client.made.reason is ConnectionDone && server.reason is ConnectionDone)
        let session = try #require(client.made.session)
        #expect(session.version == version && server.session?.version == version)
        #expect(session.cipher.hasSuffix("AES_128_GCM_SHA256"))
        #expect(session.negotiatedProtocol == "b" && server.session?.negotiatedProtocol == "b")
        #expect(session.serverName == "localhost" && server.session?.serverName == "localhost")
        #expect(session.isVerified && server.session?.isVerified == false)
        #expect(session.peerCertificates.first?.names == ["localhost", "127.0.0.1", "::1"])
        #expect(session.peerCertificates.first?.subject == "CN=server")
        #expect(session.peerCertificates.first?.issuer == "CN=Test Root")
    }

    @Test("an address is checked as an address")
    func address() throws {
        let reactor = try Reactor()
        let client = ClientRecorder()
        client.made.onMade = { me in me.transport.loseConnection() }
        let port = try reactor.listenTLS(0, Factory { Recorder() }, Certificates.server(), interface: "127.0.0.1")
        try reactor.run(limit: .seconds(20)) {
            reactor.connectTLS("127.0.0.1", port.address.port!, client, try Certificates.client())
            try await reactor.until { client.isOver }
        }
        #expect(client.made.session?.isVerified == true && client.made.reason is ConnectionDone)
    }

    @Test("L1: a client's certificate is asked for, checked and shown to the server")
    func clientCertificate() throws {
        let reactor = try Reactor()
        let server = Recorder()
        let client = ClientRecorder()
        let configuration = try Certificates.server {
            $0.clientCertificates = .required
            $0.trustRoots = .file(Certificates.file("root.pem"))
        }
        let port = try reactor.listenTLS(0, .once(server), configuration, interface: "127.0.0.1")
        let mine = try Certificates.client { $0.identity = Certificates.identity("client") }
        try reactor.run(limit: .seconds(20)) {
            reactor.connectTLS("localhost", port.address.port!, client, mine)
            try await reactor.until { server.isMade }
            server.transport.loseConnection()
            try await reactor.until { client.isOver }
        }
        #expect(server.session?.peerCertificates.map(\.subject) == ["CN=client"])
        #expect(server.session?.isVerified == true && client.made.reason is ConnectionDone)
    }

    @Test(
        "L1: a client takes its session with a server up again, unless it is told not to",
        arguments: [
            TLSVersion.tls12, .tls13,
        ], [true, false])
    func resumed(version: TLSVersion, isWanted: Bool) throws {
        let reactor = try Reactor()
        let factory = Factory {
            let server = Recorder()
            // Behind the tickets.
            server.onMade = { me in me.transport.write("hello") }
            return server
        }
        let port = try reactor.listenTLS(0, factory, Certificates.server(), interface: "127.0.0.1")
        let mine = try Certificates.client {
            $0.maximumVersion = version
            $0.sessionTickets = isWanted
        }
        var sessions: [TLSSessionInfo?] = []
        try reactor.run(limit: .seconds(20)) {
            for name in ["localhost", "localhost", "localhost", "127.0.0.1"] {
                let client = ClientRecorder()
                client.made.onData = { me, _ in me.transport.loseConnection() }
                reactor.connectTLS(name, port.address.port!, client, mine)
                try await reactor.until { client.isOver }
                sessions.append(client.made.session)
            }
        }
        // Another name is another server.
        #expect(sessions.map { $0?.wasResumed } == [false, isWanted, isWanted, false])
        #expect(sessions.allSatisfy { $0?.isVerified == true && $0?.peerCertificates.first?.subject == "CN=server" })
    }
}
