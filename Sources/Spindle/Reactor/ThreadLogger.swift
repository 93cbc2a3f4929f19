import Logging

/// The logger of the reactor whose loop a thread runs, for what belongs to no reactor: a Deferred that nobody has any more.
enum ThreadLogger {
    private static let loggers = Lock<[UInt: Logger]>([:])

    /// That of the calling thread; swift-log's for "spindle" where no loop runs.
    static var current: Logger {
        loggers.withLock { $0[ReactorHandle.currentThread()] } ?? Logger(label: "spindle")
    }

    /// The calling thread runs a loop from now on, or none.
    static func set(_ logger: Logger?) { loggers.withLock { $0[ReactorHandle.currentThread()] = logger } }
}
