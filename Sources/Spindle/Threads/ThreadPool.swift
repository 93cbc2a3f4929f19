public import Logging

/// Threads for work that would hold up a reactor: blocking calls, and computing that takes long.
///
/// Each reactor has one, ``Reactor/threadPool``, behind ``Reactor/deferToThread(_:fileID:line:)``. Work that must
/// not wait behind other work, or that several reactors share, gets a pool of its own:
///
/// ```swift
/// let disk = ThreadPool(size: 0...2)
/// reactor.deferToThreadPool(disk) { try load(path) }.addCallback { bytes in transport.write(bytes) }
/// ```
///
/// Jobs begin in the order they were handed in. A thread is made when a job finds none free, and ends when it has found
/// no job for ten seconds: a burst leaves nothing behind, and who uses a pool often never waits for a new thread. So
/// many as the lower bound of ``size`` stay. All signals are blocked on these threads.
///
/// A pool may be used from any thread. One that goes away does the jobs that it has, then its threads end.
public final class ThreadPool: Sendable {
    let workers: Workers
    let logger: Logger

    /// - Parameters:
    ///   - size: how many threads may be, and how many stay when there is nothing to do; see ``size``.
    ///   - logger: where errors of jobs go that nobody else hears of.
    public convenience init(size: ClosedRange<Int> = 0...10, logger: Logger = Logger(label: "spindle")) {
        self.init(size: size, idleTime: .seconds(10), logger)
    }

    init(size: ClosedRange<Int>, idleTime: Duration, _ logger: Logger) {
        workers = Workers(size: Self.sane(size), idleTime: idleTime)
        self.logger = logger
    }

    deinit { workers.close() }

    /// How many threads may be: at most the upper bound, which is 1 at least. So many as the lower bound stay when there is nothing to do.
    ///
    /// A change takes effect at once, but for threads that have a job: those end after it.
    public var size: ClosedRange<Int> {
        get { workers.size }
        set { workers.resize(to: Self.sane(newValue)) }
    }

    private static func sane(_ size: ClosedRange<Int>) -> ClosedRange<Int> {
        let upper = max(1, size.upperBound)
        return min(max(0, size.lowerBound), upper)...upper
    }

    /// What the threads are at now.
    public var statistics: Statistics { workers.statistics }

    /// Runs `body` on one of the threads.
    ///
    /// What it throws is logged, and so is that the pool was stopped before it could run. To hear of its end, use
    /// ``Reactor/deferToThreadPool(_:_:fileID:line:)``.
    public func callInThread(
        _ body: sending @escaping () throws -> Void, fileID: StaticString = #fileID, line: UInt = #line
    ) {
        let origin = Origin(fileID: fileID, line: line)
        let job = Workers.Job(origin: origin) { [logger] refusal in
            do {
                if let refusal { throw refusal }
                try body()
            } catch {
                logger.error("callInThread at \(origin): \(error)")
            }
        }
        _ = workers.add(job)
    }

    /// Takes no more jobs, and waits until those that it has are done and all threads have ended, at most for `limit`.
    ///
    /// Jobs that have not begun when the time is over are dropped, and those under way, which nobody can
    /// interrupt, are left behind and logged. The Deferreds of both fail with ``ThreadPoolStopped``. So one stuck
    /// job cannot hang the end of a program (R4). A reactor does this with its own pool before ``Reactor/run()`` returns.
    ///
    /// Blocks the calling thread, which therefore must not be one that the jobs wait for.
    ///
    /// - Returns: whether all jobs were done.
    @available(*, noasync, message: "stop(within:) blocks its thread")
    @discardableResult
    public func stop(within limit: Duration) -> Bool {
        let deadline = MonotonicTime.now.advanced(by: limit)
        let (isOver, ended) = (Lock(false), Condition())
        workers.close {
            isOver.withLock { $0 = true }
            ended.wakeAll()
        }
        let inTime = isOver.wait(on: ended) { isOver -> Look<Bool> in
            isOver || deadline <= .now ? .found(isOver) : .wait(until: deadline)
        }
        if !inTime { giveUp() }
        return inTime
    }

    /// Drops what waits and leaves behind what is under way.
    func giveUp() {
        let left = workers.giveUp()
        guard !left.isEmpty else { return }
        let places = left.map(\.description).joined(separator: ", ")
        logger.warning("the thread pool was stopped with jobs under way, handed in at \(places)")
    }
}
