/// A TLS connection did not come about: the two ends could not agree, or one of them does not believe the other.
public struct TLSHandshakeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What it was.
    public enum Reason: Hashable, Sendable {
        case certificateExpired(subject: String, on: CalendarTime)
        case certificateNotYetValid(subject: String, before: CalendarTime)
        /// The certificate is for other hosts than the one that was to be reached.
        case wrongName(expected: String, found: [String])
        /// Nobody vouches for the certificate but itself.
        case selfSigned(subject: String)
        /// Nobody who is trusted vouches for the certificate; this is who does.
        case unknownIssuer(String)
        case certificateRevoked(subject: String)
        /// Its key or its signature can be forged by now.
        case certificateTooWeak(subject: String)
        /// Something else is wrong with it; in OpenSSL's words.
        case certificateRefused(String)
        /// The client has no certificate, and the server wants one.
        case clientCertificateMissing
        case noSharedVersion
        case noSharedCipher
        case noSharedApplicationProtocol
        /// The peer has sent an alert; by the standard's name.
        case refusedByPeer(String)
        /// What came is not TLS; the beginning of it.
        case notTLS(String)
        /// Clear bytes came behind the request to start TLS, which nobody can vouch for.
        case clearBytesBehindStart
        case timedOut(Duration)
        /// The peer has left in the middle of it.
        case endedByPeer
        /// Anything else; in OpenSSL's words.
        case other(String)
    }

    public let reason: Reason

    public init(_ reason: Reason) { self.reason = reason }

    public var description: String { "no TLS connection: \(reason)" }
}

extension TLSHandshakeError.Reason: CustomStringConvertible {
    /// In words for people, for example `the certificate of CN=a.example has expired on 2026-01-01`.
    public var description: String {
        switch self {
        case .certificateExpired(let subject, let time): "the certificate of \(subject) has expired on \(time)"
        case .certificateNotYetValid(let subject, let time): "the certificate of \(subject) is not valid before \(time)"
        case .wrongName(let expected, let found):
            "the certificate is for \(found.isEmpty ? "no host at all" : found.joined(separator: ", ")), not \(expected)"
        case .selfSigned(let subject):
            "the certificate of \(subject) is signed by itself, and not among the trusted ones"
        case .unknownIssuer(let issuer): "the certificate is issued by \(issuer), who is not among the trusted ones"
        case .certificateRevoked(let subject): "the certificate of \(subject) has been revoked"
        case .certificateTooWeak(let subject): "the certificate of \(subject) has a key or a signature that is too weak"
        case .certificateRefused(let text): "the certificate is refused: \(text)"
        case .clientCertificateMissing: "the server wants a certificate, and the client has none"
        case .noSharedVersion: "there is no version of TLS that both sides speak"
        case .noSharedCipher: "there is no cipher that both sides have"
        case .noSharedApplicationProtocol: "there is no application protocol that both sides speak"
        case .refusedByPeer(let alert): "the peer refuses: \(alert)"
        case .notTLS(let said): "the peer speaks no TLS (it said: \(said))"
        case .clearBytesBehindStart: "clear bytes came behind the request to start TLS"
        case .timedOut(let limit): "the handshake was not over within \(limit)"
        case .endedByPeer: "the peer has left in the middle of the handshake"
        case .other(let text): text
        }
    }
}
