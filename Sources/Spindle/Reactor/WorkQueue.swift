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

    private struct Inbox: @unchecked Sendable {
        var work: [Work] = []
    }

    private let inbox = Mutex(Inbox())
    /// Spares the loop taking the lock in every pass.
    private let isPending = Atomic(false)

    /// Whether there is anything to take. Exact on the reactor's thread for what was queued there.
    var hasWork: Bool { isPending.load(ordering: .relaxed) }

    /// Returns true if the queue was empty before: whoever makes it non-empty wakes the reactor,
    /// which takes everything at once.
    func append(_ work: Work) -> Bool {
        // Sound: the work is handed over whole, to be done by one thread, the reactor's.
        nonisolated(unsafe) let work = work
        return inbox.withLock { inbox in
            unsafe inbox.work.append(work)
            isPending.store(true, ordering: .relaxed)
            return inbox.work.count == 1
        }
    }

    /// Exchanges what is queued for an emptied array, which keeps both arrays' memory in use.
    func take(into batch: inout [Work]) {
        batch.removeAll(keepingCapacity: true)
        nonisolated(unsafe) var taken = batch
        batch = []
        inbox.withLock { inbox in
            unsafe swap(&inbox.work, &taken)
            isPending.store(false, ordering: .relaxed)
        }
        unsafe batch = taken
    }

    /// Does one thing.
    static func perform(_ work: Work, on reactor: Reactor) {
        switch work {
        case .job(let job): reactor.handle.run(job)
        case .call(let body): reactor.guarding("a queued call") { try body(reactor) }
        case .release(let object): unsafe object.release()
        }
    }
}
