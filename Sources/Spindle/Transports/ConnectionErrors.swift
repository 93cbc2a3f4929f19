/// The connection ended in good order: the peer finished, or our own `loseConnection()` completed.
public struct ConnectionDone: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "connection was closed cleanly" }
}

/// The connection broke.
public struct ConnectionLost: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kernel's reason, such as `ECONNRESET`, where there is one.
    public let errno: Int32?

    public init(errno: Int32? = nil) { self.errno = errno }

    public var description: String {
        errno.map { "connection to the other side was lost: \(SystemError.text($0))" }
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
