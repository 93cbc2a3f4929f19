import Synchronization

/// What is to be done on a reactor's thread, queued from any thread, in order (H1).
///
/// The thread that runs the loop queues most of it, and needs no lock for that. What others have queued until then goes
/// before.
@safe
final class WorkQueue: Sendable {
    @safe
    enum Work {
        case call((Reactor) throws -> Void)
        case job(UnownedJob)
        /// Tell what a task waits for that the task was cancelled. Kept as a job is, or the task would wait for ever.
        case cancellation(() -> Void)
        /// Let go of something that a ``ReactorBound`` carried.
        @safe case release(Unmanaged<AnyObject>)
    }

    /// Sound: touched by the thread that runs the loop only.
    private nonisolated(unsafe) var own: [Work] = []
    /// Nil once nobody will ever take from it.
    private let inbox = Lock<[Work]?>([])
    /// Spares the loop taking the lock in every pass.
    private let isPending = Atomic(false)
    /// Told of what the thread that runs the loop queues. Sound: touched by that thread only.
    private nonisolated(unsafe) var appendedHere: (() -> Void)?

    /// Whether there is anything to take. Exact on the reactor's thread for what was queued there.
    var hasWork: Bool { unsafe !own.isEmpty || isPending.load(ordering: .relaxed) }

    /// Called on the thread that runs the loop, and nowhere else.
    func appendHere(_ work: Work) {
        if isPending.load(ordering: .relaxed) { unsafe takeInbox(into: &own) }
        unsafe own.append(work)
        unsafe appendedHere?()
    }

    /// Has `body` called after each `appendHere`, as which it is called.
    func onAppend(_ body: (() -> Void)?) { unsafe appendedHere = body }

    /// How much is queued by now. Called as `appendHere` is.
    func countHere() -> Int {
        if isPending.load(ordering: .relaxed) { unsafe takeInbox(into: &own) }
        return unsafe own.count
    }

    /// Called on any thread. Returns true if the queue was empty before: whoever makes it non-empty wakes the reactor,
    /// which takes everything at once.
    func append(_ work: Work) -> Bool {
        let count = inbox.withLock { inbox in
            guard inbox != nil else { return 0 }
            inbox?.append(work)
            isPending.store(true, ordering: .relaxed)
            return inbox?.count ?? 0
        }
        if count == 0 { Self.discard(work) }
        return count == 1
    }

    /// The loop runs no more: drops the calls that are queued. What tasks need to go on stays: there is no way to let go of a
    /// task.
    func dropCalls() {
        var left: [Work] = []
        take(into: &left)
        inbox.withLock { inbox in
            inbox?.insert(contentsOf: left.filter { if case .call = $0 { false } else { true } }, at: 0)
            isPending.store(inbox?.isEmpty == false, ordering: .relaxed)
        }
        // Released out of the lock: what the calls hold may queue something.
        left = []
    }

    /// Nobody takes from the queue any more: what it holds, and what comes later, is let go.
    func close() {
        let left = inbox.withLock { $0.take() }
        for work in left ?? [] { Self.discard(work) }
    }

    /// A job that is not run keeps its task for ever.
    private static func discard(_ work: Work) {
        if case .release(let object) = work { unsafe object.release() }
    }

    /// Exchanges what is queued for an emptied array, which keeps both arrays' memory in use. Called as `appendHere` is.
    ///
    /// - Parameter limit: leaves what is queued behind so many things.
    func take(into batch: inout [Work], upTo limit: Int = .max) {
        batch.removeAll(keepingCapacity: true)
        unsafe swap(&own, &batch)
        if isPending.load(ordering: .relaxed) { takeInbox(into: &batch) }
        guard batch.count > limit else { return }
        unsafe own.append(contentsOf: batch[limit...])
        batch.removeSubrange(limit...)
    }

    private func takeInbox(into batch: inout [Work]) {
        inbox.withLock { inbox in
            batch += inbox ?? []
            inbox?.removeAll(keepingCapacity: true)
            isPending.store(false, ordering: .relaxed)
        }
    }

    /// Does one thing.
    static func perform(_ work: Work, on reactor: Reactor) {
        switch work {
        case .job(let job):
            reactor.handle.run(job)
            reactor.base.lap("a step of a task")
        case .cancellation(let tell): tell()
        case .call(let body): reactor.guarding("a queued call") { try body(reactor) }
        case .release(let object): unsafe object.release()
        }
    }
}
