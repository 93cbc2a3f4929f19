/// The connection ended in good order: the peer finished, or our own `loseConnection()` completed.
public struct ConnectionDone: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "connection was closed cleanly" }
}

/// The connection broke.
public struct ConnectionLost: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kernel's reason, such as `ECONNRESET`, where there is one.
    public let errno: Int32?
    /// Whether the bytes ended without the peer's having said so in a way that can be trusted: over TLS somebody in
    /// between may have cut the rest off.
    public let isTruncated: Bool

    public init(errno: Int32? = nil, isTruncated: Bool = false) {
        self.errno = errno
        self.isTruncated = isTruncated
    }

    public var description: String {
        if isTruncated { return "connection to the other side was lost: what it sent may not be all of it" }
        return errno.map { "connection to the other side was lost: \(SystemError.text($0))" }
            ?? "connection to the other side was lost in a non-clean fashion"
    }
}

/// The connection was aborted on this side.
public struct ConnectionAborted: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "connection was aborted" }
}

/// A second producer was registered while the first was still at work (P1).
public struct ProducerAlreadyRegistered: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "a producer is registered already: unregister it first" }
}
