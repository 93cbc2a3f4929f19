import Synchronization

/// What is to be done on a reactor's thread, queued from any thread, in order (H1).
final class WorkQueue: Sendable {
    @safe
    enum Work {
        case call((Reactor) throws -> Void)
        case job(UnownedJob)
        /// Let go of something that a ``ReactorBound`` carried.
        @safe case release(Unmanaged<AnyObject>)
    }

    /// Nil once nobody will ever take from it.
    private let inbox = Lock<[Work]?>([])
    /// Spares the loop taking the lock in every pass.
    private let isPending = Atomic(false)

    /// Whether there is anything to take. Exact on the reactor's thread for what was queued there.
    var hasWork: Bool { isPending.load(ordering: .relaxed) }

    /// Returns true if the queue was empty before: whoever makes it non-empty wakes the reactor,
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

    /// Drops the calls that are queued. The jobs stay: there is no way to let go of one.
    func dropCalls() {
        let calls = inbox.withLock { inbox in
            defer { inbox?.removeAll { if case .call = $0 { true } else { false } } }
            return inbox
        }
        // Released out of the lock: what they hold may queue something.
        withExtendedLifetime(calls) {}
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

    /// Exchanges what is queued for an emptied array, which keeps both arrays' memory in use.
    func take(into batch: inout [Work]) {
        batch.removeAll(keepingCapacity: true)
        inbox.withLock { inbox in
            guard var queued = inbox.take() else { return }
            swap(&queued, &batch)
            inbox = queued
            isPending.store(false, ordering: .relaxed)
        }
    }

    /// Does one thing.
    static func perform(_ work: Work, on reactor: Reactor) {
        switch work {
        case .job(let job):
            reactor.handle.run(job)
            reactor.base.lap("a step of a task")
        case .call(let body): reactor.guarding("a queued call") { try body(reactor) }
        case .release(let object): unsafe object.release()
        }
    }
}
