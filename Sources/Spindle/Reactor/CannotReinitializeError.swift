/// A reactor cannot go on in a child process; see ``Reactor/reinitialize()``.
public struct CannotReinitializeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What has been using threads that the child does not have.
    public enum Reason: String, Sendable {
        case spawnedTasks = "tasks were spawned on it"
        case mainQueue = "it serves the main queue since it runs on the main thread"
        case lookUps = "names are being looked up"
        case threadPool = "its thread pool was used"
    }

    public let reason: Reason

    public var description: String { "the reactor cannot be used in a forked process: \(reason.rawValue)" }
}

/// The reactor was made in another process, of which this one is a copy; see ``Reactor/reinitialize()``.
public struct ReactorOfAnotherProcess: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "the reactor belongs to the parent process: call reinitialize() after fork()" }
}
