/// TLS cannot be started on a connection.
public struct CannotStartTLSError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: String, Sendable {
        case already = "its bytes pass through TLS, or something else, already"
        case notConnected = "it is not open"
        case shared = "C code has its bufferevent, and may write what nobody encrypts"
    }

    public let reason: Reason

    init(_ reason: Reason) { self.reason = reason }

    public var description: String { "cannot start TLS on the connection: \(reason.rawValue)" }
}
