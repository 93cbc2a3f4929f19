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

/// A callback returned the very Deferred that stands for its own result, and so would wait for ever.
public struct CircularDeferredError: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "a callback returned the Deferred of its own result" }
}

/// Everything that was to be had from ``race(_:cancelSiblings:fileID:line:)`` failed.
public struct FailureGroup: Error, CustomStringConvertible {
    /// The error of each Deferred, in the order in which they were given.
    public let errors: [any Error]

    public var description: String {
        errors.isEmpty ? "nothing to choose from" : "all of \(errors.count) failed: \(errors)"
    }
}

/// A lock or a token was given back that nobody had taken.
public struct NotAcquiredError: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "given back more often than taken" }
}

/// Something was put into a ``DeferredQueue`` that is full.
public struct QueueOverflow: Error, Hashable, Sendable, CustomStringConvertible {
    /// How many items the queue takes.
    public let size: Int
    public var description: String { "the queue is full: it takes \(size)" }
}

/// Too many wait for an item of a ``DeferredQueue`` already.
public struct QueueUnderflow: Error, Hashable, Sendable, CustomStringConvertible {
    /// How many may wait.
    public let backlog: Int
    public var description: String { "too many wait for an item already: \(backlog) may" }
}

extension Error {
    /// Whether this is what comes of calling something off, and no fault.
    var isCancellation: Bool { self is CancelledError || self is ConnectingCancelledError || self is CancellationError }
}
