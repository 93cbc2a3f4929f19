import Glibc

extension Reactor {
    /// Makes the reactor the calling process's own, in a child right after fork(2).
    ///
    /// ```swift
    /// try reactor.listenTCP(8000, factory)
    /// for _ in 1..<4 where fork() == 0 {
    ///     try reactor.reinitialize()
    ///     break
    /// }
    /// try reactor.run()
    /// ```
    ///
    /// A child shares with its parent the descriptors by which the loop waits. Used as they are, each process would take the
    /// other's events. Ports, connections and delayed calls are the child's as well as the parent's from here on: the
    /// kernel gives a new connection to one of those that listen, but a connection that one process closes in good order is
    /// closed for the other too, so forking is for reactors that have none yet.
    ///
    /// Only the thread that called fork(2) goes on in the child. So a reactor cannot be forked when it has made others, or
    /// has Swift's concurrency or Dispatch make some (R7). ``run()`` tells a process that has forgotten this call.
    ///
    /// - Throws: ``CannotReinitializeError``; ``SystemError`` when the process is out of descriptors. The reactor is of no use then.
    public func reinitialize() throws {
        requireThread()
        if let obstacle { throw CannotReinitializeError(reason: obstacle) }
        // The new descriptors take the numbers of the old ones, which libevent then finds in their places.
        try handle.renewWakeup()
        try signalHandlers?.wakeup.renew()
        // A signal that came since the fork has signalled the parent's.
        signalHandlers?.wakeup.signal()
        try timers.renewDescriptor()
        try hangUpWatch?.renew()
        try base.reinitialize()
        process = getpid()
    }

    /// What lives in threads that a child does not have.
    private var obstacle: CannotReinitializeError.Reason? {
        if hasSpawned { return .spawnedTasks }
        if isServingMainQueue { return .mainQueue }
        if let resolver = resolver as? ThreadedResolver, resolver.statistics.threads > 0 { return .lookUps }
        if ownThreadPool != nil { return .threadPool }
        return nil
    }
}
