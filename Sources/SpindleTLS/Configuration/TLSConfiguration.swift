/// How connections speak TLS: certificates, whom to believe, versions and ciphers.
///
/// ```swift
/// let configuration = try TLSConfiguration.server(
///     certificateChain: .file("cert.pem"), privateKey: .file("key.pem")
/// ) { $0.applicationProtocols = ["h2", "http/1.1"] }
/// try reactor.listenTLS(8443, EchoFactory(), configuration)
/// ```
///
/// A value: copies may be changed, and given to other threads. What connections need of it, the files included, is read
/// once, when it is made, and shared by all copies until they are changed. A value that is changed later is
/// checked when it is first used, or by ``validate()``.
public struct TLSConfiguration: Sendable {
    /// Whom to believe: for a client its servers, for a server the clients that have certificates.
    public var trustRoots: TrustRoots { didSet { forget() } }

    /// Whether a server wants its clients' certificates.
    public var clientCertificates: ClientCertificates { didSet { forget() } }

    /// The certificate that this side shows: a server always has one, a client where servers ask for it.
    public var identity: Identity? { didSet { forget() } }

    /// The lowest version of TLS to speak.
    public var minimumVersion: TLSVersion { didSet { forget() } }

    /// The highest version of TLS to speak; nil for the highest there is.
    public var maximumVersion: TLSVersion? { didSet { forget() } }

    /// The ciphers to offer, the preferred one first, by the names of the standard or of OpenSSL; those of TLS 1.3 and those of
    /// TLS 1.2 side by side.
    ///
    /// Where there is none of one of these two versions, that version is offered with its usual ones.
    public var cipherSuites: [String] { didSet { forget() } }

    /// The groups for the key exchange, the preferred one first, by OpenSSL's names.
    public var groups: [String] { didSet { forget() } }

    /// The protocols that may be spoken above TLS (ALPN), the preferred one first; a server and a client that have no
    /// common one do not connect. Empty for not asking.
    public var applicationProtocols: [String] { didSet { forget() } }

    /// How long the handshake may take, from the moment that the connection is there.
    public var handshakeTimeout: Duration

    /// Whether a later connection may take the session of an earlier one up, which makes the handshake cheaper. A client keeps
    /// those that its servers have given it in the value, for all copies of it.
    public var sessionTickets: Bool { didSet { forget() } }

    /// Lists of certificates that are not to be believed any more, in the PEM format. Once there is one, there has
    /// to be one by each issuer whose certificates are checked.
    public var revocationLists: [Source] { didSet { forget() } }

    /// A file that the keys of all sessions are appended to, for Wireshark to read what was recorded. Whoever has
    /// the file can read all of the traffic.
    public var keyLog: String? { didSet { forget() } }

    /// How the value was made, which is what side it takes in `startTLS`.
    let isServer: Bool
    private var cache = TLSContextCache()

    private init(isServer: Bool, _ identity: Identity?) {
        self.isServer = isServer
        self.identity = identity
        trustRoots = .system
        clientCertificates = .notRequested
        minimumVersion = .tls12
        cipherSuites = Self.defaultCipherSuites
        // The curves that are fast and that everybody has.
        groups = ["X25519", "P-256"]
        applicationProtocols = []
        handshakeTimeout = .seconds(10)
        sessionTickets = true
        revocationLists = []
    }

    /// For servers.
    ///
    /// - Parameters:
    ///   - certificateChain: the server's certificate, and behind it the intermediate ones.
    ///   - passPhrase: what the private key is encrypted with, if it is.
    ///   - settings: changes what is not as it should be, before everything is checked.
    /// - Throws: ``TLSConfigurationError``, which names the file and what is wrong with it.
    public static func server(
        certificateChain: Source, privateKey: Source, passPhrase: String? = nil,
        _ settings: (inout TLSConfiguration) throws -> Void = { _ in }
    ) throws -> TLSConfiguration {
        let identity = Identity(
            certificateChain: certificateChain, privateKey: privateKey, passPhrase: passPhrase)
        return try made(TLSConfiguration(isServer: true, identity), settings)
    }

    /// For clients, which check the certificates of their servers against those that the system trusts.
    ///
    /// - Parameter settings: changes what is not as it should be, before everything is checked.
    /// - Throws: ``TLSConfigurationError``, which names the file and what is wrong with it.
    public static func client(
        _ settings: (inout TLSConfiguration) throws -> Void = { _ in }
    ) throws -> TLSConfiguration {
        try made(TLSConfiguration(isServer: false, nil), settings)
    }

    private static func made(
        _ configuration: TLSConfiguration, _ settings: (inout TLSConfiguration) throws -> Void
    ) throws -> TLSConfiguration {
        var configuration = configuration
        try settings(&configuration)
        try configuration.validate()
        return configuration
    }

    /// Reads and checks all that connections will need, unless that has been done. Connections do so themselves; whoever wants
    /// to know of an error earlier calls this.
    ///
    /// - Throws: ``TLSConfigurationError``, which names the file and what is wrong with it.
    public func validate() throws(TLSConfigurationError) { _ = try context() }

    /// What OpenSSL makes of it.
    func context() throws(TLSConfigurationError) -> TLSContext {
        try cache.context { () throws(TLSConfigurationError) in try TLSContext(self) }
    }

    /// As `context()`, for the side that is asked for.
    func context(asServer: Bool) throws(TLSConfigurationError) -> TLSContext {
        if asServer, identity == nil { throw TLSConfigurationError("the configuration", .noCertificate) }
        return try context()
    }

    /// The ones with forward secrecy and authentication, the fastest first where the processor has AES.
    private static let defaultCipherSuites = [
        "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_256_GCM_SHA384",
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
    ]

    /// Other copies keep what they have.
    private mutating func forget() { cache = TLSContextCache() }
}
