/// A TLS connection that was made has broken: what came in is not what the peer should have sent, or it said that something is
/// wrong.
public struct TLSProtocolError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What it was.
    public enum Reason: Hashable, Sendable {
        /// The peer has sent an alert; by the standard's name.
        case alertByPeer(String)
        /// The peer sends too much that is for nothing: key updates or empty records.
        case flood
        /// Anything else, forged or damaged records first of all; in OpenSSL's words.
        case other(String)
    }

    public let reason: Reason

    public init(_ reason: Reason) { self.reason = reason }

    public var description: String {
        switch reason {
        case .alertByPeer(let alert): "the peer has ended the TLS connection: \(alert)"
        case .flood: "the peer sends TLS records that are for nothing"
        case .other(let text): "the TLS connection is broken: \(text)"
        }
    }
}
