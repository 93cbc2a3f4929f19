/// The cooperator was stopped, and its tasks with it.
public struct SchedulerStopped: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "the cooperator was stopped" }
}

/// A cooperative task was changed after all its work was done.
public struct TaskDone: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "the cooperative task is done" }
}

/// A cooperative task was stopped.
public struct TaskStopped: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "the cooperative task was stopped" }
}

/// A cooperative task was changed after it had failed.
public struct TaskFailed: Error, CustomStringConvertible {
    /// What it failed with.
    public let reason: any Error
    public init(reason: any Error) { self.reason = reason }
    public var description: String { "the cooperative task has failed: \(reason)" }
}

/// A cooperative task was told to go on that was not paused.
public struct NotPaused: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "the cooperative task is not paused" }
}
