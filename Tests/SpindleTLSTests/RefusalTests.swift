import Spindle
import SpindleTLS
import Testing

/// What keeps a connection from coming about is said by name, before any protocol exists.
@Suite(.ownThreads) struct RefusalTests {
    /// Connects, and returns what the client's factory was told.
    private static func refusal(
        _ server: TLSConfiguration, _ client: TLSConfiguration, host: String = "localhost"
    ) throws -> TLSHandshakeError.Reason? {
        let reactor = try Reactor()
        let (subject, other) = (ClientRecorder(), Recorder())
        // A server that is content.
        other.onMade = { me in me.transport.loseConnection() }
        let port = try reactor.listenTLS(0, .once(other), server, interface: "127.0.0.1")
        let address = port.address
        reactor.resolver = StaticResolver([host: [address]])
        try reactor.run(limit: .seconds(20)) {
            reactor.connectTLS(host, address.port!, subject, client)
            try await reactor.until { subject.isOver }
        }
        if subject.made.isMade { return (subject.made.reason as? TLSHandshakeError)?.reason }
        #expect(!other.isMade)
        return (subject.failure as? TLSHandshakeError)?.reason
    }

    @Test("L2: a bad certificate is refused, and the error says why")
    func certificates() throws {
        let client = try Certificates.client()
        func reason(_ name: String) throws -> TLSHandshakeError.Reason? {
            try Self.refusal(Certificates.server(name), client)
        }
        let expired = try #require(try reason("expired"))
        #expect("\(expired)" == "the certificate of CN=expired has expired on 2021-01-31")
        let early = try #require(try reason("early"))
        #expect("\(early)" == "the certificate of CN=early is not valid before 2090-02-01")
        let elsewhere = try #require(try reason("elsewhere"))
        #expect(
            "\(elsewhere)"
                == "the certificate is for a.example, *.b.example, part*.c.example, 10.1.2.3, not localhost")
        #expect(try reason("selfsigned") == .selfSigned(subject: "CN=selfsigned"))
        #expect(try reason("stranger") == .unknownIssuer("CN=Another Root"))
        let byAddress = try Self.refusal(Certificates.server("elsewhere"), client, host: "127.0.0.1")
        #expect(
            byAddress
                == .wrongName(
                    expected: "127.0.0.1", found: ["a.example", "*.b.example", "part*.c.example", "10.1.2.3"]))
    }

    @Test(
        "a wildcard stands for one whole label",
        arguments: [
            "x.b.example": true, "a.example": true, "b.example": false,
            "x.y.b.example": false, "partial.c.example": false,
        ])
    func wildcards(host: String, isGood: Bool) throws {
        let reason = try Self.refusal(Certificates.server("elsewhere"), Certificates.client(), host: host)
        #expect((reason == nil) == isGood)
    }

    @Test("a revoked certificate is refused, others by the same issuer are not")
    func revoked() throws {
        let client = try Certificates.client { $0.revocationLists = [.file(Certificates.file("crl.pem"))] }
        #expect(try Self.refusal(Certificates.server("revoked"), client) == .certificateRevoked(subject: "CN=revoked"))
        #expect(try Self.refusal(Certificates.server(), client) == nil)
    }

    @Test("the two ends have nothing in common: versions, ciphers, application protocols")
    func nothingShared() throws {
        let versions = try Self.refusal(
            Certificates.server { $0.maximumVersion = .tls12 }, Certificates.client { $0.minimumVersion = .tls13 })
        #expect(versions == .noSharedVersion)
        let protocols = try Self.refusal(
            Certificates.server { $0.applicationProtocols = ["h2"] },
            Certificates.client { $0.applicationProtocols = ["irc"] })
        #expect(protocols == .noSharedApplicationProtocol)
        let ciphers = try Self.refusal(
            Certificates.server {
                $0.maximumVersion = .tls12
                $0.cipherSuites = ["ECDHE-ECDSA-AES128-GCM-SHA256"]
            },
            Certificates.client { $0.cipherSuites = ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"] })
        #expect(ciphers == .refusedByPeer("handshake_failure"))
    }

    @Test("L3: a client without the certificate that is asked for", arguments: [TLSVersion.tls12, .tls13])
    func noClientCertificate(version: TLSVersion) throws {
        let server = try Certificates.server {
            $0.clientCertificates = .required
            $0.trustRoots = .file(Certificates.file("root.pem"))
            $0.maximumVersion = version
        }
        let reason = try Self.refusal(server, Certificates.client())
        #expect(reason == (version == .tls13 ? .clientCertificateMissing : .refusedByPeer("handshake_failure")))
        let stranger = try Self.refusal(
            server, Certificates.client { $0.identity = Certificates.identity("stranger") })
        #expect(stranger == .refusedByPeer("unknown_CA"))
    }

    @Test("whoever accepts any certificate is not told that one was checked")
    func insecure() throws {
        let client = try TLSConfiguration.client { $0.trustRoots = .acceptAnyCertificateInsecurely }
        #expect(try Self.refusal(Certificates.server("expired"), client) == nil)
    }

    @Test("a client that has no name to check does not connect, unless it believes everybody")
    func noName() throws {
        let reactor = try Reactor()
        let subject = ClientRecorder()
        try reactor.run(limit: .seconds(20)) {
            reactor.connectTLS("", 1, subject, try Certificates.client())
            try await reactor.until { subject.isOver }
        }
        #expect((subject.failure as? TLSConfigurationError)?.reason == .noServerName)
    }
}
