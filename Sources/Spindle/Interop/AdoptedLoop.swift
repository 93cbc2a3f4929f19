import Logging

/// What makes a reactor work on a base whose loop C code runs: it has its turn by events on that base.
///
/// Our own loop does queued calls, jobs and due timers before each wait. Here nobody tells when the loop is about to wait, so
/// each entry ends by looking whether there is something to do, and if there is, has the loop come back in its next pass.
/// The same is brought about when C code calls us outside any entry.
final class AdoptedLoop {
    private unowned let reactor: Reactor
    private var turnEvent: TurnEvent?
    /// A turn is on its way, and what was queued before it was asked for: what comes later has its turn in a later pass (R3).
    private var nextTurn: (calls: Int, timers: UInt64)?
    private var isSettling = false
    private var hasBegun = false
    /// Whether the reactor was stopped since it last began.
    private var hasStopped = false
    /// It is us who run C's loop: `run()` counts the passes.
    private var isRun = false

    init(_ reactor: Reactor) throws(SystemError) {
        self.reactor = reactor
        turnEvent = try TurnEvent(reactor.base, self)
        // The first pass of whichever thread dispatches makes the reactor its own, before it calls anybody else, who may have
        // something to do with the reactor.
        requestTurn { $0.scheduleFirst() }
    }

    /// Has `schedule` bring about a turn for what is queued by now, unless one is on its way.
    private func requestTurn(_ schedule: (TurnEvent) -> Void) {
        guard nextTurn == nil, let turnEvent else { return }
        nextTurn = (reactor.handle.queue.countHere(), reactor.timers.limit)
        schedule(turnEvent)
    }

    /// Takes itself off the base.
    func leave() {
        if let turnEvent = turnEvent.take() { reactor.base.bury(turnEvent) }
    }

    private func begin() {
        hasBegun = true
        hasStopped = false
        reactor.phase = .running
        reactor.runs += 1
        reactor.fire(.before, .startup) { [unowned reactor] in reactor.start() }
    }

    /// Everything that was open when the reactor was told to stop is closed. C's loop goes on, and so may the reactor.
    private func finishStopping() {
        guard reactor.threadsHaveEnded() else { return }
        reactor.base.entry("stopping") { reactor.fire(.after, .shutdown) }
        if !reactor.wasInvalidated { reactor.cleanUp() }
        guard !reactor.wasInvalidated else { return }
        reactor.handle.beginRun()
        reactor.hasStarted = false
        reactor.phase = .idle
        hasStopped = true
    }

    /// Runs C's loop until the reactor has been stopped, by C's `event_base_loopexit` if by nobody else (I1).
    func run() throws {
        guard !isRun, !reactor.base.isInside else { throw ReactorAlreadyRunning() }
        isRun = true
        defer { isRun = false }
        if hasStopped {
            (hasBegun, hasStopped) = (false, false)
            bringAboutEntry()
        }
        while !hasStopped {
            switch reactor.base.pass(blocking: true) {
            case .completed: break
            case .exited: reactor.handle.stop()
            case .failed(let error): throw error
            }
            if reactor.wasInvalidated { throw ReactorInvalidated() }
        }
    }
}

extension AdoptedLoop: EntryDelegate {
    func entryBegins() {
        let reactor = reactor
        let handle = reactor.handle
        if !hasBegun || !handle.isCurrent { handle.settleOnCurrentThread() }
        // One that never began and is on its way off the base does not begin any more.
        guard !reactor.wasInvalidated else { return }
        // One that was stopped begins again when something is opened on it.
        if hasStopped, !isRun, reactor.isBusy { hasBegun = false }
        if !hasBegun { begin() }
    }

    func entryEnded() {
        // What is done here may be entries, too.
        guard !isSettling else { return }
        isSettling = true
        // The last reference may go meanwhile.
        let reactor = reactor
        defer { isSettling = false }
        if reactor.isFinished { finishStopping() }
        guard !reactor.wasInvalidated else { return }
        if reactor.timers.needsAttention { reactor.timers.arm(at: reactor.now) }
        if reactor.hasTurnToTake { bringAboutEntry() }
        reactor.setResidents(present: reactor.options.keepsLoopAlive || reactor.isBusy)
    }

    func bringAboutEntry() { requestTurn { $0.schedule() } }
}

extension AdoptedLoop: EventHandler {
    var description: String { "the reactor's turn" }

    func eventFired() {
        guard let turn = nextTurn.take() else { return }
        if !isRun { reactor.base.countPass() }
        reactor.takeTurn(calls: turn.calls, timersBefore: turn.timers)
    }
}
