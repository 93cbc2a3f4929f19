/// A Deferred was fired a second time.
public struct AlreadyCalledError: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "this Deferred has already fired" }
}

/// The work behind a Deferred was cancelled.
public struct CancelledError: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "cancelled" }
}
