/// Threads that do jobs, first in, first out: what is behind every ``ThreadPool`` and ``ThreadedResolver``.
///
/// A thread is made when a job finds none free, as long as there are fewer than `size` allows. One that finds
/// no job waits for `idleTime`, then it ends; so many as `size` begins with stay.
final class Workers: Sendable {
    struct Job {
        /// Where it was handed in, for the log.
        let origin: Origin
        /// Does the job, or, given an error, is told why it will never be done or that nobody waits for it any more.
        let perform: ((any Error)?) -> Void
    }

    private struct State {
        /// Those that wait and those under way, by ticket. A cancelled one is missing.
        var jobs: [Int: Job] = [:]
        var nextTicket = 0
        /// The ticket whose turn is next: jobs with a lower one are under way.
        var turn = 0
        var size: ClosedRange<Int>
        var threads = 0
        /// How many of the threads have no job, those that are only starting included.
        var idle = 0
        /// How many of these sleep, and how many have been woken and did not look yet.
        var asleep = 0
        var roused = 0
        var completed = 0
        var isClosed = false
        /// What is told when the last thread ends after that.
        var onEnd: [@Sendable () -> Void] = []

        var working: Int { threads - idle }
        var waiting: Int { jobs.count - working }

        /// Takes the next job for a thread that has none.
        mutating func takeNext() -> (ticket: Int, job: Job)? {
            while turn < nextTicket {
                defer { turn += 1 }
                if let job = jobs[turn] {
                    idle -= 1
                    return (turn, job)
                }
            }
            return nil
        }

        /// Takes every job that has not begun.
        mutating func takeWaiting() -> [Job] {
            defer { turn = nextTicket }
            return (turn..<nextTicket).compactMap { jobs.removeValue(forKey: $0) }
        }

        /// Whom the jobs that wait need, besides the threads that are looking for one already.
        mutating func summon() -> Summons {
            guard waiting > idle - asleep else { return .nobody }
            if asleep > 0 {
                asleep -= 1
                roused += 1
                return .sleeper
            }
            guard threads < size.upperBound else { return .nobody }
            threads += 1
            idle += 1
            return .newThread
        }

        /// A thread that slept looks again: because it was woken, because its time is over, or for no reason.
        mutating func awoke() {
            if roused > 0 { roused -= 1 } else { asleep -= 1 }
        }

        /// Counts out a thread that has no job. Returns what is to be told.
        mutating func dismissThread() -> [@Sendable () -> Void] {
            threads -= 1
            idle -= 1
            guard threads == 0, isClosed else { return [] }
            defer { onEnd = [] }
            return onEnd
        }
    }

    /// Whom to fetch for a job.
    private enum Summons {
        case nobody, sleeper, newThread
    }

    /// Runs something on a new thread, or says why there is none.
    typealias Start = @Sendable (@escaping @Sendable () -> Void) -> SystemError?

    private let start: Start
    private let idleTime: Duration
    private let state: Lock<State>
    private let news = Condition()

    init(size: ClosedRange<Int>, idleTime: Duration, start: @escaping Start = DetachedThread.start) {
        self.start = start
        self.idleTime = idleTime
        state = Lock(State(size: size))
    }

    var size: ClosedRange<Int> { state.withLock { $0.size } }

    /// Whether it takes no more jobs.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    var statistics: ThreadPool.Statistics {
        state.withLock { state in
            ThreadPool.Statistics(
                working: state.working, idle: state.idle, waiting: state.waiting, completed: state.completed)
        }
    }

    /// Queues a job.
    ///
    /// - Returns: what it can be cancelled by.
    func add(_ job: Job) -> Int {
        let (ticket, summons) = state.withLock { state -> (Int?, Summons) in
            guard !state.isClosed else { return (nil, .nobody) }
            let ticket = state.nextTicket
            state.nextTicket += 1
            state.jobs[ticket] = job
            return (ticket, state.summon())
        }
        guard let ticket else {
            job.perform(ThreadPoolStopped())
            return -1
        }
        heed(summons)
        return ticket
    }

    /// Drops a job that has not begun; does nothing to one that has.
    func cancel(_ ticket: Int) {
        let dropped = state.withLock { state in
            ticket >= state.turn ? state.jobs.removeValue(forKey: ticket) : nil
        }
        // Released out of the lock: nobody knows what it holds.
        withExtendedLifetime(dropped) {}
    }

    /// Allows for another number of threads. Those that are too many end when they have no job.
    func resize(to size: ClosedRange<Int>) {
        state.withLock { $0.size = size }
        news.wakeAll()
        while heed(state.withLock { $0.summon() }) {}
    }

    // MARK: - Ending

    /// Takes no more jobs, and lets the threads end when those that it has are done.
    ///
    /// - Parameter onEnd: called when no thread is left, on the last one or, if there is none, here.
    func close(onEnd: @escaping @Sendable () -> Void = {}) {
        let isOver = state.withLock { state in
            state.isClosed = true
            if state.threads > 0 { state.onEnd.append(onEnd) }
            return state.threads == 0
        }
        if isOver { onEnd() }
        news.wakeAll()
    }

    /// Drops the jobs that wait, and waits no longer for those under way.
    ///
    /// - Returns: where the latter were handed in.
    func giveUp() -> [Origin] {
        let (dropped, left) = state.withLock { state in
            (state.takeWaiting(), state.jobs.sorted { $0.key < $1.key }.map(\.value))
        }
        for job in dropped + left { job.perform(ThreadPoolStopped()) }
        return left.map(\.origin)
    }

    // MARK: - Threads

    /// Returns whether somebody comes.
    @discardableResult
    private func heed(_ summons: Summons) -> Bool {
        switch summons {
        case .nobody: return false
        case .sleeper: news.wakeOne()
        case .newThread: return startThread()
        }
        return true
    }

    private func startThread() -> Bool {
        guard let error = start({ [self] in work() }) else { return true }
        // If there are other threads, they will do the work; if not, nobody would.
        let (told, abandoned) = state.withLock { state in
            let told = state.dismissThread()
            return (told, state.threads == 0 ? state.takeWaiting() : [])
        }
        for job in abandoned { job.perform(error) }
        for tell in told { tell() }
        return false
    }

    private func work() {
        while let (ticket, job) = next() {
            job.perform(nil)
            finished(ticket)
        }
    }

    /// Waits for a job, and returns none when the thread is to end.
    private func next() -> (ticket: Int, job: Job)? {
        let end = MonotonicTime.now.advanced(by: idleTime)
        var (isAsleep, told, summons) = (false, [@Sendable () -> Void](), Summons.nobody)
        let next = state.wait(on: news) { state -> Look<(ticket: Int, job: Job)?> in
            if isAsleep { state.awoke() }
            if state.threads <= state.size.upperBound, let next = state.takeNext() { return .found(next) }
            let isKept = state.threads <= state.size.lowerBound
            guard state.isClosed || state.threads > state.size.upperBound || (!isKept && end <= .now) else {
                isAsleep = true
                state.asleep += 1
                return .wait(until: isKept ? nil : end)
            }
            told = state.dismissThread()
            // A job may have counted on this thread.
            summons = state.summon()
            return .found(nil)
        }
        for tell in told { tell() }
        heed(summons)
        return next
    }

    private func finished(_ ticket: Int) {
        let job = state.withLock { state in
            state.idle += 1
            state.completed += 1
            return state.jobs.removeValue(forKey: ticket)
        }
        withExtendedLifetime(job) {}
    }
}
