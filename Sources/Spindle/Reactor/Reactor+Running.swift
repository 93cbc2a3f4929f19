import Glibc

extension Reactor {
    /// Runs the loop on the calling thread until ``stop()``.
    ///
    /// Calls the startup triggers and hooks in order, then serves events; returns when everything that was
    /// open has been closed. A stopped reactor may run again (R1). On the main thread SIGINT and
    /// SIGTERM stop it, unless ``Options/handlesSignals`` is off (R5), and `DispatchQueue.main` and
    /// `@MainActor` code run on it (H5).
    ///
    /// - Throws: ``ReactorAlreadyRunning``; ``ReactorOfAnotherProcess`` after fork(2), until ``reinitialize()`` was
    ///   called; ``ReactorNotRunning`` for a reactor without a loop, which is what a protocol has before it is connected;
    ///   ``SystemError`` when libevent's loop fails.
    @available(
        *, noasync, message: "run() blocks its thread: call it from synchronous code, such as `static func main()`"
    )
    public func run() throws {
        if let loop = base.delegate { return try loop.run() }
        guard phase == .idle else { throw ReactorAlreadyRunning() }
        guard process == getpid() else { throw ReactorOfAnotherProcess() }
        try requireLoop()
        handle.bindToCurrentThread()
        try addStopHandlers()
        defer { removeStopHandlers { _ in true } }
        try watchMainQueue()
        defer { if MainQueue.isHere { unwatch(MainQueue.descriptor) } }
        phase = .running
        runs += 1
        handle.beginRun()
        defer {
            cleanUp()
            hasStarted = false
            phase = .idle
        }
        base.entry("starting") { fire(.before, .startup) { [self] in start() } }
        while true {
            turn()
            if isFinished && threadsHaveEnded() { return base.entry("stopping") { fire(.after, .shutdown) } }
            switch base.pass(blocking: !handle.queue.hasWork && !timers.needsAttention) {
            case .completed: break
            case .exited: handle.stop()  // C code called event_base_loopexit or loopbreak
            case .failed(let error): throw error
            }
        }
    }

    func start() {
        // It may have been told to stop while it waited for what comes before.
        guard !isStopping else { return }
        fire(.during, .startup)
        hasStarted = true
        fire(.after, .startup)
    }

    // MARK: - A pass

    /// What each pass does before I/O: queued calls and jobs, then due timers (R3).
    func turn() {
        guard hasTurnToTake else { return }
        // What the queued calls set a timer for has its turn in the next pass (R3).
        base.entry("a turn") { takeTurn(calls: .max, timersBefore: timers.limit) }
    }

    /// Whether calls or jobs wait, or delayed calls that are due or that the kernel does not know of yet.
    var hasTurnToTake: Bool { handle.queue.hasWork || timers.needsAttention }

    /// Does what is queued, up to so many things, and makes the delayed calls that are due and are not newer than `limit`.
    func takeTurn(calls: Int, timersBefore limit: UInt64) {
        runQueue(upTo: calls)
        runDueTimers(before: limit)
    }

    private func runQueue(upTo count: Int) {
        guard handle.queue.hasWork else { return }
        var work = batch
        batch = []
        handle.queue.take(into: &work, upTo: count)
        jobsDone += work.count
        for item in work { WorkQueue.perform(item, on: self) }
        work.removeAll(keepingCapacity: true)
        batch = work
    }

    private func runDueTimers(before limit: UInt64) {
        guard timers.needsAttention else { return }
        let now = now
        while let call = timers.popDue(at: now, before: limit) { guarding("a delayed call", call.fire) }
        timers.arm(at: self.now)
    }

    // MARK: - What the main thread's reactor does besides

    func watchMainQueue() throws {
        guard MainQueue.isHere else { return }
        // Dispatch crashes if it cannot open the one that it makes at the first call.
        try DescriptorLimit.requireRoom(for: 2)
        isServingMainQueue = true
        try watch(MainQueue.descriptor, "the main queue", MainQueue.drain)
    }
}
