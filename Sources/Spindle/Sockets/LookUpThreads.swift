import Glibc

/// The threads of a ``ThreadedResolver``, and the look-ups that wait for one of them.
///
/// No thread waits for work: one that finds no look-up left ends. Making it anew costs some 20 us, which
/// is little beside a question to a name server, and there is nothing to wake, to time or to close.
final class LookUpThreads: Sendable {
    typealias Answer = Result<[SocketAddress], any Error>
    typealias Ask = @Sendable (_ name: String, SocketAddress.Family) -> Answer

    private struct LookUp {
        let name: String
        let family: SocketAddress.Family
        let completion: @Sendable (Answer) -> Void
    }

    private struct State {
        /// By ticket; a cancelled one is missing.
        var waiting: [Int: LookUp] = [:]
        var nextTicket = 0
        /// The ticket whose turn is next.
        var turn = 0
        var threads = 0

        mutating func takeNext() -> LookUp? {
            while turn < nextTicket {
                defer { turn += 1 }
                if let lookUp = waiting.removeValue(forKey: turn) { return lookUp }
            }
            return nil
        }
    }

    private let limit: Int
    private let ask: Ask
    private let state = Lock(State())

    init(limit: Int, _ ask: @escaping Ask) {
        self.limit = limit
        self.ask = ask
    }

    /// How many threads there are now.
    var count: Int { state.withLock { $0.threads } }

    /// Queues a look-up.
    ///
    /// - Parameter completion: called once, on one of the threads, unless the look-up is cancelled before it begins.
    /// - Returns: what it can be cancelled by.
    func add(
        _ name: String, _ family: SocketAddress.Family, _ completion: @escaping @Sendable (Answer) -> Void
    ) -> Int {
        let (ticket, needsThread) = state.withLock { state in
            let ticket = state.nextTicket
            state.nextTicket += 1
            state.waiting[ticket] = LookUp(name: name, family: family, completion: completion)
            guard state.threads < limit else { return (ticket, false) }
            state.threads += 1
            return (ticket, true)
        }
        if needsThread, let error = startThread() { startFailed(error) }
        return ticket
    }

    /// Drops a look-up that has not begun; does nothing to one that has.
    func cancel(_ ticket: Int) {
        let dropped = state.withLock { $0.waiting.removeValue(forKey: ticket) }
        // Released out of the lock: nobody knows what it holds.
        withExtendedLifetime(dropped) {}
    }

    // MARK: - Threads

    private func startThread() -> SystemError? { DetachedThread.start { [self] in work() } }

    private func work() {
        while let lookUp = next() { lookUp.completion(ask(lookUp.name, lookUp.family)) }
    }

    /// Under one lock: a look-up that is added finds a thread that will come round again, or starts one.
    private func next() -> LookUp? {
        state.withLock { state in
            if let next = state.takeNext() { return next }
            state.threads -= 1
            return nil
        }
    }

    /// The kernel has no thread for us. If there are others, they will do the work; if not, nobody would.
    private func startFailed(_ error: SystemError) {
        let abandoned = state.withLock { state -> [LookUp] in
            state.threads -= 1
            guard state.threads == 0 else { return [] }
            var all: [LookUp] = []
            while let next = state.takeNext() { all.append(next) }
            return all
        }
        for lookUp in abandoned {
            lookUp.completion(.failure(DNSLookupError(name: lookUp.name, reason: "\(error)")))
        }
    }
}
