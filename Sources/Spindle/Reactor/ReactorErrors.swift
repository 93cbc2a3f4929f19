/// The reactor was asked to run while it is running.
public struct ReactorAlreadyRunning: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "the reactor is running already" }
}

/// The reactor was asked for something that only a running one can do, or has no loop at all.
public struct ReactorNotRunning: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "the reactor is not running" }
}

/// The reactor was on a C program's `event_base`, and has been taken off it; see ``Reactor/invalidate()``.
public struct ReactorInvalidated: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "the reactor was invalidated: it has no event_base any more" }
}

/// A delayed call was changed after it ran.
public struct AlreadyCalled: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "the delayed call has already been made" }
}

/// A delayed call was changed after it was cancelled.
public struct AlreadyCancelled: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "the delayed call has been cancelled" }
}
