/// A thread pool was stopped before it had done a job, or was given one after that.
public struct ThreadPoolStopped: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "the thread pool was stopped before the job was done" }
}
