extension Reactor {
    /// Has a C program's loop serve `DispatchQueue.main` and `@MainActor` code as well (H5).
    ///
    /// On the main thread, while that dispatches the base. It counts for something open: the loop goes on for it, until
    /// ``invalidate()``. A reactor with a loop of its own does this by itself. Asked again it does nothing.
    ///
    /// - Throws: ``NotOnMainThread``; ``ReactorInvalidated``; ``SystemError`` when the process is out of descriptors.
    public func serveMainQueue() throws {
        requireThread()
        try requireLoop()
        guard MainQueue.isHere else { throw NotOnMainThread() }
        if isHosted, !isServingMainQueue { try watchMainQueue() }
        base.workWaits()
    }
}

/// The main queue was to be served by a thread that is not the main one.
public struct NotOnMainThread: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "Dispatch's main queue can be served on the main thread only" }
}
