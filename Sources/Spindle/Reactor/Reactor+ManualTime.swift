extension Reactor {
    /// Stops the clock that delayed calls go by: from here on it moves by `advance(by:)` only.
    package func stopClock() { manualTime = .now }

    /// Moves a stopped clock from deadline to deadline, making on the way every call that falls due (T1, T3).
    ///
    /// Between two deadlines queued calls run, so that what a delayed call sets off comes before
    /// the next. I/O has no part in it.
    package func advance(by interval: Duration) {
        requireThread()
        guard let start = manualTime else { preconditionFailure("the clock is running: call stopClock() first") }
        let end = start.advanced(by: interval)
        drainQueue()
        while let next = timers.firstDeadline, next <= end {
            manualTime = max(next, now)
            timers.expired()
            turn()
            drainQueue()
        }
        manualTime = end
    }

    /// How many delayed calls wait.
    package var delayedCallCount: Int { timers.count }

    private func drainQueue() {
        while handle.queue.hasWork { base.entry(runQueue) }
    }
}
