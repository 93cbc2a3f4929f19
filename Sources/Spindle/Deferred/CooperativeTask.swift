/// A sequence of units of work that a ``Cooperator`` does: what ``Cooperator/cooperate(_:fileID:line:_:)-1`` returns.
///
/// Discarding it changes nothing, except that a paused one that nobody holds is gone.
public final class CooperativeTask {
    enum Progress {
        case more
        case waiting(Deferred<Void>)
        case done
    }

    /// Weak, since it has the task while there is something to do. Meanwhile it is the other way round.
    private weak var cooperator: Cooperator?
    private var keptCooperator: Cooperator?
    private let outcome: Deferred<Void>
    /// Does one unit. Nil when there is nothing more to do.
    private var unit: (() throws -> Progress)?
    private var isWaiting = false
    /// What it waits for. Weak: if nobody is left who could fire it, it is not kept.
    private weak var pending: Deferred<Void>?
    private var pauses = 0
    /// Why the task cannot be changed any more.
    private var end: (any Error)?

    // The cooperator's.
    var slot = 0
    var place = 0

    init(_ cooperator: Cooperator, _ outcome: Deferred<Void>, _ unit: @escaping () throws -> Progress) {
        self.cooperator = cooperator
        self.outcome = outcome
        self.unit = unit
    }

    deinit { if unit != nil { cooperator?.finished(slot) } }

    /// A Deferred that fires when all units are done, or fails with what ended the task: what a unit threw, what
    /// the Deferred failed with that it returned, ``TaskStopped`` or ``SchedulerStopped``.
    ///
    /// Cancelling it stops the task, and cancels what that waits for; then all these fail with ``CancelledError``.
    public func whenDone(fileID: StaticString = #fileID, line: UInt = #line) -> Deferred<Void> {
        outcome.addBoth({ try $0.get() }, fileID: fileID, line: line)
    }

    /// Does no more units until ``resume()``. Each call of this one takes a call of that.
    ///
    /// - Throws: ``TaskDone``, ``TaskFailed``, ``TaskStopped`` or ``SchedulerStopped`` when the task has ended.
    public func pause() throws {
        if let end { throw end }
        change { pauses += 1 }
    }

    /// Goes on after ``pause()``. Does nothing if the task was stopped meanwhile.
    ///
    /// - Throws: ``NotPaused``.
    public func resume() throws {
        guard pauses > 0 else { throw NotPaused() }
        change { pauses -= 1 }
    }

    /// Does no more units. What the last one returned is not cancelled, but not waited for any more.
    ///
    /// - Throws: ``TaskDone``, ``TaskFailed``, ``TaskStopped`` or ``SchedulerStopped`` when the task has ended.
    public func stop() throws {
        if let end { throw end }
        finish(.failure(TaskStopped()), TaskStopped())
    }

    // MARK: - For the cooperator

    /// Whether there is something to do.
    var isReady: Bool { unit != nil && !isWaiting && pauses == 0 }

    /// Does a unit, if there is one to do.
    func takeTurn() {
        guard isReady, let unit else { return }
        do {
            switch try unit() {
            case .more: break
            case .done: finish(.success(()), TaskDone())
            case .waiting(let deferred): wait(for: deferred)
            }
        } catch {
            finish(.failure(error), TaskFailed(reason: error))
        }
    }

    private func wait(for deferred: Deferred<Void>) {
        deferred.addBoth { [self] result in
            change { isWaiting = false }
            if case .failure(let error) = result { finish(.failure(error), TaskFailed(reason: error)) }
        }
        guard !deferred.hasFired else { return }
        pending = deferred
        change { isWaiting = true }
    }

    /// Ends the task, unless it has ended.
    func finish(_ result: Result<Void, any Error>, _ end: any Error) {
        guard self.end == nil else { return }
        self.end = end
        // Taken out first: what it holds may come back here as it goes.
        change { _ = unit.take() }
        cooperator?.finished(slot)
        keptCooperator = nil
        // Who stopped it knows; anything else that went wrong is logged if nobody asks (D3).
        if end is TaskStopped || end is SchedulerStopped { outcome.addErrback { _ in } }
        try? outcome.fire(result)
    }

    /// Its Deferred was cancelled, and will fail.
    func cancelled() {
        let pending = pending
        finish(.failure(CancelledError()), TaskStopped())
        pending?.cancel()
    }

    private func change(_ body: () -> Void) {
        let wasReady = isReady
        body()
        guard isReady != wasReady else { return }
        if isReady {
            cooperator?.ready(self)
            keptCooperator = nil
        } else {
            keptCooperator = cooperator
            cooperator?.idle(self)
        }
    }
}
