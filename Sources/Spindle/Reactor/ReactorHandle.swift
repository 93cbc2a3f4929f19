import Glibc
import Logging
import Synchronization

/// The thread-safe face of a ``Reactor``: the only part of it that may be used from anywhere.
///
/// ```swift
/// let handle = reactor.handle
/// Thread.detachNewThread {
///     let answer = compute()
///     handle.callFromThread { reactor in print("on the loop again with \(answer)") }
/// }
/// ```
///
/// It is also the executor of everything asynchronous that runs on the reactor.
/// A handle may outlive its reactor; what it is asked to do then is never done.
public final class ReactorHandle: Sendable {
    let queue = WorkQueue()
    let awaitedCalls = AwaitedCalls()
    private let owner: Atomic<UInt>
    /// The thread that runs the loop now; 0 if none does.
    private let runner = Atomic<UInt>(0)
    private let wakeup: Wakeup?
    private let logger: Logger

    init(wakeup: Wakeup?, logger: Logger) {
        self.wakeup = wakeup
        self.logger = logger
        owner = Atomic(ReactorHandle.currentThread())
    }

    /// Runs `body` on the reactor's thread, in one of its next passes.
    ///
    /// This is the way from any other thread into the reactor (H1): what `body` captures is handed
    /// over, and the reactor is handed to it. Calls run in the order they were made, also when made
    /// before `run()` or on the reactor's own thread. What `body` throws is logged.
    ///
    /// To reach a protocol or transport from another thread, carry it in a ``ReactorBound``.
    public func callFromThread(_ body: sending @escaping (Reactor) throws -> Void) { post(.call(body)) }

    /// Stops the reactor as ``Reactor/stop()`` does; does nothing when it is stopping already.
    public func stop() {
        callFromThread { reactor in if !reactor.isStopping { try reactor.stop() } }
    }

    /// Whether the calling code runs on the reactor's thread.
    public var isCurrent: Bool { owner.load(ordering: .relaxed) == Self.currentThread() }

    // MARK: - For the reactor

    /// Stops the program when called on a thread that is not the reactor's.
    @inline(__always)
    func requireCurrent() {
        // Not a precondition, whose text a release build leaves out.
        if !isCurrent { fatalError("called off the reactor's thread: come in through ReactorHandle.callFromThread") }
    }

    /// Makes the calling thread the reactor's.
    func bindToCurrentThread() { owner.store(Self.currentThread(), ordering: .relaxed) }

    /// Makes the calling thread the reactor's, and the one that runs the loop, until it ends.
    func settleOnCurrentThread() {
        bindToCurrentThread()
        ThreadEnd.tell(self)
        beginRun()
    }

    /// The calling thread ends: if the reactor is its own, the next one that asks may have it.
    func abandon() {
        let ending = Self.currentThread()
        ThreadLogger.set(nil)
        _ = runner.compareExchange(expected: ending, desired: 0, ordering: .relaxed)
        _ = owner.compareExchange(expected: ending, desired: 0, ordering: .releasing)
    }

    /// Whether the calling code may use the reactor: on its thread, or, if that has ended, on the first one that asks.
    package func claim() -> Bool {
        if isCurrent { return true }
        guard owner.compareExchange(expected: 0, desired: Self.currentThread(), ordering: .acquiring).exchanged else {
            return false
        }
        settleOnCurrentThread()
        return true
    }

    /// The calling thread runs the loop from now on.
    func beginRun() {
        runner.store(Self.currentThread(), ordering: .relaxed)
        ThreadLogger.set(logger)
        awaitedCalls.begin()
    }

    /// The loop runs no more. Calls that are queued are dropped.
    func endRun() {
        runner.store(0, ordering: .relaxed)
        ThreadLogger.set(nil)
        queue.dropCalls()
        awaitedCalls.end()
    }

    /// The reactor goes away.
    func close() {
        queue.close()
        awaitedCalls.end()
    }

    /// In a child process: is woken by nobody else's wakeups, and wakes nobody else.
    func renewWakeup() throws(SystemError) { try wakeup?.renew() }

    /// Queues something, and wakes the reactor for it. On the reactor's own thread there is nothing
    /// to wake: the loop looks at the queue before it waits.
    func post(_ work: WorkQueue.Work) {
        if runner.load(ordering: .relaxed) == Self.currentThread() { return queue.appendHere(work) }
        if queue.append(work) && !isCurrent { wakeup?.signal() }
    }

    /// Not inlined: pthread_self() is declared constant to the compiler, which would otherwise
    /// keep its value across an `await` that has moved to another thread.
    @inline(never)
    static func currentThread() -> UInt { UInt(pthread_self()) }
}
