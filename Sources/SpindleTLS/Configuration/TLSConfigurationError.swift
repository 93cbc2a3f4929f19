import Spindle

/// A TLS configuration cannot be used: what of it, and what is wrong with that.
///
/// ```swift
/// do { configuration = try .server(certificateChain: .file("a.pem"), privateKey: .file("b.key")) }
/// catch { print(error) }     // b.key: the private key is of another certificate than the one in a.pem
/// ```
public struct TLSConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong.
    public enum Reason: Hashable, Sendable {
        /// The file cannot be read; with the system's error number.
        case unreadable(errno: Int32)
        /// There is nothing of this kind in it: certificates, a private key or revocation lists in the PEM format.
        case notPEM(String)
        /// The private key is encrypted, and there was no pass phrase.
        case needsPassPhrase
        /// The private key is encrypted with another pass phrase.
        case wrongPassPhrase
        /// The private key belongs to another certificate than the one in the place named here.
        case keyOfAnotherCertificate(String)
        /// OpenSSL refuses it for being too weak.
        case tooWeak
        /// OpenSSL knows none of this name, or does not offer it.
        case unknown(String)
        /// An application protocol's name has from 1 to 255 bytes.
        case badApplicationProtocol(String)
        /// The highest version is below the lowest.
        case noVersionLeft
        /// A server needs a certificate and a private key.
        case noCertificate
        /// A client that checks its server's certificate has to know the name that should be in it.
        case noServerName
        /// Anything else; in OpenSSL's words.
        case other(String)
    }

    /// The file, or what else it is about, such as "the private key" or "cipherSuites".
    public let subject: String
    public let reason: Reason

    init(_ subject: String, _ reason: Reason) {
        self.subject = subject
        self.reason = reason
    }

    public var description: String { "\(subject): \(reason)" }
}

extension TLSConfigurationError.Reason: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreadable(let errno): SystemError(errno, "open").description
        case .notPEM(let kind): "there is no \(kind) in PEM format in it"
        case .needsPassPhrase: "the private key is encrypted: it needs a pass phrase"
        case .wrongPassPhrase: "the pass phrase is wrong"
        case .keyOfAnotherCertificate(let place):
            "the private key is of another certificate than the one in \(place)"
        case .tooWeak: "the key or its signature is too weak"
        case .unknown(let name): "OpenSSL does not know \"\(name)\""
        case .badApplicationProtocol(let name): "a name has from 1 to 255 bytes, unlike \"\(name)\""
        case .noVersionLeft: "the highest version is below the lowest"
        case .noCertificate: "a server needs a certificate and a private key"
        case .noServerName: "a client that checks its server's certificate needs the server's name"
        case .other(let text): text
        }
    }
}
