extension TLSConfiguration {
    /// Where certificates or a key come from, in the PEM format.
    public enum Source: Hashable, Sendable, CustomStringConvertible {
        /// A file, which is read when the configuration is made.
        case file(String)
        /// The text itself.
        case pem(String)

        /// The path, or that there is none.
        public var description: String {
            switch self {
            case .file(let path): path
            case .pem: "the PEM text"
            }
        }
    }

    /// A certificate, those that vouch for it, and its private key.
    public struct Identity: Hashable, Sendable {
        /// The certificate, and behind it the intermediate ones.
        public var certificateChain: Source
        public var privateKey: Source
        /// What the private key is encrypted with, if it is.
        public var passPhrase: String?

        public init(certificateChain: Source, privateKey: Source, passPhrase: String? = nil) {
            self.certificateChain = certificateChain
            self.privateKey = privateKey
            self.passPhrase = passPhrase
        }
    }

    /// Whose certificates are believed.
    public enum TrustRoots: Hashable, Sendable {
        /// Those that the system has for all programs.
        case system
        /// A file of certificates.
        case file(String)
        /// A directory of certificates, as `openssl rehash` makes it.
        case directory(String)
        /// The text of certificates.
        case pem(String)
        /// Any certificate for any name. Whoever is in between can read and change everything: for tests only.
        case acceptAnyCertificateInsecurely
    }

    /// Whether a server wants its clients' certificates.
    public enum ClientCertificates: Hashable, Sendable {
        case notRequested
        /// A client may do without; one that it sends has to be good.
        case requested
        /// There is no connection without.
        case required
    }
}
