extension Reactor {
    /// A reactor without a loop, whose clock stands at zero.
    package static func withHeldClock(_ options: Options) -> Reactor {
        let reactor = detached(options)
        reactor.timers.hold(at: MonotonicTime(nanoseconds: 0))
        return reactor
    }

    /// Stops the clock that delayed calls go by: from here on it moves by `advance(by:)` only.
    package func stopClock() { timers.hold(at: now) }

    /// Moves a stopped clock from deadline to deadline, making on the way every call that falls due (T1, T3).
    ///
    /// Between two deadlines queued calls run, so that what a delayed call sets off comes before
    /// the next. I/O has no part in it. Inside a callback only the time moves.
    package func advance(by interval: Duration) {
        requireThread()
        precondition(timers.heldTime != nil, "the clock is running: call stopClock() first")
        let end = now.advanced(by: interval)
        // No callback is entered while another is on the stack (S2).
        guard !base.isInside else { return timers.hold(at: end) }
        makePasses()
        while let next = timers.firstDeadline(after: now), next <= end {
            timers.hold(at: next)
            makePasses()
        }
        // A callback that took its time may have gone further.
        if now < end { timers.hold(at: end) }
    }

    /// How many delayed calls wait.
    package var delayedCallCount: Int { timers.count }

    /// Does what there is to do at this time. What goes on for ever without letting time pass is
    /// cut short, and goes on at the next deadline.
    private func makePasses() {
        for _ in 0..<1000 {
            guard handle.queue.hasWork || timers.firstDeadline.map({ $0 <= now }) ?? false else { return }
            makePass()
        }
    }

    /// Makes one pass of what a pass does before I/O.
    package func makePass() {
        timers.expired()
        turn()
    }

    /// Ends what goes on on a reactor that will never run: tasks are cancelled, delayed calls let go.
    package func abandon() {
        open.tasks.end(.outOfTime)
        // From inside a callback: whoever made that goes on with what is queued.
        if base.isInside { timers.end(.over) } else { cleanUp() }
    }
}
