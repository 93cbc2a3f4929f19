import SpindleTLS
import Testing

/// What can be wrong with a configuration is thrown when it is made, and names the place.
@Suite(.ownThreads) struct ConfigurationTests {
    private static func error(_ make: () throws -> TLSConfiguration) -> TLSConfigurationError? {
        do { _ = try make() } catch { return error as? TLSConfigurationError }
        return nil
    }

    private static func server(
        _ certificate: String, _ key: String, _ passPhrase: String? = nil
    ) throws -> TLSConfiguration {
        try .server(
            certificateChain: .file(Certificates.file(certificate)), privateKey: .file(Certificates.file(key)),
            passPhrase: passPhrase)
    }

    @Test("files that are missing, or have something else in them, are named")
    func files() {
        let missing = Self.error { try Self.server("none.pem", "server.key") }
        #expect(missing?.subject == Certificates.file("none.pem") && missing?.reason == .unreadable(errno: 2))
        #expect(missing.map { "\($0)" } == "\(Certificates.file("none.pem")): open: No such file or directory")
        #expect(Self.error { try Self.server("server.key", "server.key") }?.reason == .notPEM("certificate"))
        let noKey = Self.error { try Self.server("server.pem", "server.pem") }
        #expect(noKey?.reason == .notPEM("private key") && noKey?.subject == Certificates.file("server.pem"))
        #expect(Self.error { try Self.server("server.pem", "server.csr") }?.reason == .notPEM("private key"))
        let text = Self.error { try .server(certificateChain: .pem("nothing"), privateKey: .pem("")) }
        #expect(text?.subject == "the PEM text" && text?.reason == .notPEM("certificate"))
        let roots = Self.error { try .client { $0.trustRoots = .file("/dev/null") } }
        #expect(roots?.subject == "/dev/null" && roots?.reason == .notPEM("certificate"))
        let directory = Self.error { try .client { $0.trustRoots = .directory("/none") } }
        #expect(directory?.subject == "/none" && directory?.reason == .unreadable(errno: 2))
        let lists = Self.error { try .client { $0.revocationLists = [.file(Certificates.file("root.pem"))] } }
        #expect(lists?.reason == .notPEM("revocation list"))
        let log = Self.error { try .client { $0.keyLog = "/none/keys" } }
        #expect(log?.subject == "/none/keys" && log?.reason == .unreadable(errno: 2))
    }

    @Test("keys: of another certificate, encrypted, too weak")
    func keys() {
        let other = Self.error { try Self.server("server.pem", "expired.key") }
        #expect(other?.subject == Certificates.file("expired.key"))
        #expect(other?.reason == .keyOfAnotherCertificate(Certificates.file("server.pem")))
        #expect(
            Self.error { try Self.server("server.pem", "rsa.key") }?.reason
                == .keyOfAnotherCertificate(Certificates.file("server.pem")))
        #expect(Self.error { try Self.server("server.pem", "encrypted.key") }?.reason == .needsPassPhrase)
        #expect(Self.error { try Self.server("server.pem", "encrypted.key", "wrong") }?.reason == .wrongPassPhrase)
        #expect(Self.error { try Self.server("server.pem", "encrypted.key", "secret") } == nil)
        #expect(Self.error { try Self.server("weak.pem", "weak.key") }?.reason == .tooWeak)
    }

    @Test("names that OpenSSL does not know, and what cannot be")
    func settings() {
        let cipher = Self.error { try .client { $0.cipherSuites = ["TLS_AES_128_GCM_SHA256", "ROT13"] } }
        #expect(cipher.map { "\($0)" } == "cipherSuites: OpenSSL does not know \"ROT13\"")
        #expect(Self.error { try .client { $0.groups = ["P-256", "P-1"] } }?.reason == .unknown("P-1"))
        #expect(
            Self.error { try .client { $0.applicationProtocols = ["h2", ""] } }?.reason == .badApplicationProtocol(""))
        let versions = Self.error {
            try .client {
                $0.minimumVersion = .tls13
                $0.maximumVersion = .tls12
            }
        }
        #expect(versions?.reason == .noVersionLeft)
    }

    @Test("what is changed later is checked when it is used, and other copies stay as they are")
    func changed() throws {
        let good = try Certificates.client()
        var copy = good
        copy.trustRoots = .file("/none")
        #expect(throws: TLSConfigurationError.self) { try copy.validate() }
        try good.validate()
    }
}
