/// What the two ends of a TLS connection have agreed on.
public struct TLSSessionInfo: Hashable, Sendable {
    public let version: TLSVersion
    /// By the standard's name, for example `TLS_AES_128_GCM_SHA256`.
    public let cipher: String
    /// The protocol above TLS that both have (ALPN), if they were asked.
    public let negotiatedProtocol: String?
    /// The name that the client connects to.
    public let serverName: String?
    /// Whether it goes on with the session of an earlier connection.
    public let wasResumed: Bool
    /// What the peer has shown: its certificate, and those that it sent to vouch for it. Empty of a client without one.
    public let peerCertificates: [TLSCertificate]
    /// Whether the peer's certificate was checked.
    public let isVerified: Bool
}
