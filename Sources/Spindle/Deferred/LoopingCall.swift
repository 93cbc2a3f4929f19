/// Does something again and again, at even intervals.
///
/// ```swift
/// let heartbeat = LoopingCall(reactor) { self.transport.write("ping\r\n") }
/// try heartbeat.start(.seconds(30)).addErrback { error in print("no more pings: \(error)") }
/// try heartbeat.stop()
/// ```
///
/// Calls are due at whole multiples of the interval after the start, so that delays do not add up.
/// A call never overlaps with the one before it: where its body returns a Deferred, that is waited for, and
/// whatever falls due while the body or the whole reactor is busy is skipped (T4). With an
/// interval of zero there is a call in each pass, and I/O between any two.
///
/// What the body throws ends the loop, and so does a failure of the Deferred that it returns. A loop
/// that runs is kept alive by its reactor; when that has stopped, it is over and its Deferred never fires.
public final class LoopingCall {
    /// Weak: a loop that is never stopped must not keep the reactor that would make its calls.
    private weak var reactor: Reactor?
    /// Given the number of calls that have fallen due; returns what to wait for, if anything.
    private let body: (Int) throws -> Deferred<Void>?

    /// What fires when the present run is over; nil when there is none.
    private var outcome: Deferred<Void>?
    /// The next call, while the loop waits for its time.
    private var next: DelayedCall?
    /// What the body returned, while the loop waits for that. Weak: if nobody is left who could fire it, it is not kept.
    private weak var pending: Deferred<Void>?
    private var startTime = MonotonicTime(nanoseconds: 0)
    /// The number of the tick that the last call was made for; the start is number zero.
    private var lastTick: Int64 = 0

    /// The time between two calls.
    public private(set) var interval = Duration.zero

    /// A loop that calls `body`, once started.
    public convenience init(_ reactor: Reactor, _ body: @escaping () throws -> Void) {
        self.init(
            reactor,
            counting: { _ in
                try body()
                return nil
            })
    }

    /// A loop that calls `body`, once started, and waits each time for the Deferred that it returns.
    public convenience init<Value>(_ reactor: Reactor, _ body: @escaping () throws -> Deferred<Value>) {
        self.init(reactor, counting: { _ in try body().addCallback { _ in } })
    }

    /// A loop whose body is told how many calls have fallen due since the last: one, and one more for each that was
    /// skipped. With an interval of zero it is always one.
    public static func withCount(_ reactor: Reactor, _ body: @escaping (Int) throws -> Void) -> LoopingCall {
        LoopingCall(
            reactor,
            counting: { count in
                try body(count)
                return nil
            })
    }

    /// As the other, waiting each time for the Deferred that `body` returns.
    public static func withCount<Value>(
        _ reactor: Reactor, _ body: @escaping (Int) throws -> Deferred<Value>
    ) -> LoopingCall {
        LoopingCall(reactor, counting: { try body($0).addCallback { _ in } })
    }

    private init(_ reactor: Reactor, counting body: @escaping (Int) throws -> Deferred<Void>?) {
        self.reactor = reactor
        self.body = body
    }

    /// Whether it has been started and has neither been stopped nor failed, nor was ended with its reactor's run.
    public var isRunning: Bool { outcome != nil && next?.isActive != false }

    /// Begins to make calls: the first at once, before this returns, or with `now: false` after the first interval.
    ///
    /// The Deferred that is returned fires when the loop has been stopped, or fails with what ended it. Cancelling it stops the
    /// loop, and cancels what that waits for.
    ///
    /// - Throws: ``LoopingCallError``; ``ReactorNotRunning`` if the reactor is gone.
    @discardableResult
    public func start(
        _ interval: Duration, now: Bool = true, fileID: StaticString = #fileID, line: UInt = #line
    ) throws -> Deferred<Void> {
        guard let reactor else { throw ReactorNotRunning() }
        reactor.requireThread()
        reactor.warnIfDetached("LoopingCall.start")
        guard !isRunning else { throw LoopingCallError.alreadyRunning }
        guard interval >= .zero else { throw LoopingCallError.negativeInterval(interval) }
        let outcome = Deferred<Void>(fileID: fileID, line: line) { [weak self] outcome in self?.cancelled(outcome) }
        // What waits for a run that ended with its reactor goes first, and may look at the loop as it does.
        _ = self.outcome.take()
        self.outcome = outcome
        self.interval = interval
        next = nil
        startTime = reactor.now
        lastTick = now ? -1 : 0
        if now { call() } else { schedule() }
        return outcome
    }

    /// Ends the loop: no more calls are made.
    ///
    /// Its Deferred fires at once or, if the body is at work or what it returned is waited for, when that is done.
    ///
    /// - Throws: ``LoopingCallError/notRunning``.
    public func stop() throws {
        guard let outcome, isRunning else { throw LoopingCallError.notRunning }
        let isWaiting = next != nil
        end()
        if isWaiting { try? outcome.callback(()) }
    }

    /// Counts the intervals from now on: the next call comes when one has passed.
    ///
    /// - Throws: ``LoopingCallError/notRunning``.
    public func reset() throws {
        guard let reactor, isRunning else { throw LoopingCallError.notRunning }
        startTime = reactor.now
        lastTick = 0
        try? next?.reset(interval)
    }

    // MARK: - Running

    private func schedule() {
        guard let reactor else { return }
        next = reactor.timers.add(startTime.next(interval, after: reactor.now)) { [self] in call() }
    }

    private func call() {
        next = nil
        guard let reactor, let outcome else { return }
        let tick = startTime.count(of: interval, until: reactor.now)
        let count = interval == .zero ? 1 : tick - lastTick
        lastTick = tick
        do {
            guard let pending = try body(Int(count)) else { return finished(.success(()), outcome) }
            // Unless the body has ended this run, and perhaps begun another.
            if outcome === self.outcome { self.pending = pending }
            pending.addBoth { [self] result in finished(result, outcome) }
        } catch {
            finished(.failure(error), outcome)
        }
    }

    /// The body is done, and so is what it waited for.
    private func finished(_ result: Result<Void, any Error>, _ outcome: Deferred<Void>) {
        // Otherwise it was stopped meanwhile, and perhaps started again.
        let isPresent = outcome === self.outcome
        if isPresent { pending = nil }
        switch result {
        case .success where isPresent: schedule()
        case .success: try? outcome.callback(())
        case .failure(let error):
            if isPresent { end() }
            // Swallowed where cancelling the loop has cancelled what it waited for.
            try? outcome.errback(error)
        }
    }

    private func end() {
        try? next?.cancel()
        (next, pending, outcome) = (nil, nil, nil)
    }

    private func cancelled(_ outcome: Deferred<Void>) {
        guard outcome === self.outcome else { return }
        let pending = pending
        end()
        pending?.cancel()
    }
}
