/// Does work that takes long in small units, so that the reactor has its turn in between.
///
/// ```swift
/// reactor.cooperator.coiterate(lines) { line in index.add(line) }
///     .addCallback { print("\(index.count) words") }
///
/// // Three at a time: tasks that draw from one iterator.
/// var pages = urls.makeIterator()
/// for _ in 1...3 {
///     reactor.cooperator.coiterate(AnyIterator { pages.next() }) { page in fetch(page) }
/// }
/// ```
///
/// Each task is a sequence, and something to do with each element: a unit of work. The tasks take turns, one
/// unit each, for as long as ``init(_:slice:started:)`` says; then I/O and timers have theirs, and it
/// goes on in the next pass. Where a unit returns a Deferred, its task waits for that, and the others go on.
///
/// When the reactor has stopped, its cooperators rest until ``start()`` or until another task is added.
/// Tasks of several cooperators do not take turns, so that most programs use ``Reactor/cooperator`` only.
public final class Cooperator {
    private enum State { case unstarted, running, stopped }

    private weak var reactor: Reactor?
    private let slice: Duration
    private var state: State
    /// The tasks that take turns, and gaps where some have left.
    private var round: [CooperativeTask?] = []
    private var next = 0
    private var readyCount = 0
    private var unfinished = SlotMap<WeakTask>()
    private var timer: DelayedCall?

    /// Weak: a task is kept by what makes it go on: its turn, or a Deferred, or whoever paused it.
    private struct WeakTask { weak var task: CooperativeTask? }

    /// A cooperator of its own.
    ///
    /// - Parameter slice: how long units are done one after the other in a pass. One is done in any case.
    /// - Parameter started: whether it begins by itself, rather than with ``start()``.
    public init(_ reactor: Reactor, slice: Duration = .milliseconds(10), started: Bool = true) {
        self.reactor = reactor
        self.slice = slice
        state = started ? .running : .unstarted
    }

    /// Whether units are done.
    public var isRunning: Bool { state == .running }

    /// Begins to do units, also after ``stop()``.
    public func start() {
        state = .running
        schedule()
    }

    /// Ends all tasks: they fail with ``SchedulerStopped``, and so does each that is added before ``start()``.
    public func stop() {
        state = .stopped
        for entry in unfinished.all { entry.task?.finish(.failure(SchedulerStopped()), SchedulerStopped()) }
    }

    // MARK: - Adding tasks

    /// Does `body` with each element of a sequence, one per turn; the task can be paused and stopped.
    ///
    /// What `body` throws ends the task.
    @discardableResult
    public func cooperate<Elements: Sequence>(
        _ elements: Elements, fileID: StaticString = #fileID, line: UInt = #line,
        _ body: @escaping (Elements.Element) throws -> Void
    ) -> CooperativeTask {
        var iterator = elements.makeIterator()
        return add(fileID, line) {
            guard let element = iterator.next() else { return .done }
            try body(element)
            return .more
        }
    }

    /// As the other, waiting for each Deferred that `body` returns. If one fails the task ends.
    @discardableResult
    public func cooperate<Elements: Sequence, Value>(
        _ elements: Elements, fileID: StaticString = #fileID, line: UInt = #line,
        _ body: @escaping (Elements.Element) throws -> Deferred<Value>
    ) -> CooperativeTask {
        var iterator = elements.makeIterator()
        return add(fileID, line) {
            guard let element = iterator.next() else { return .done }
            return .waiting(try body(element).addCallback { _ in })
        }
    }

    /// As `cooperate`, for who only wants to know when it is done: see ``CooperativeTask/whenDone(fileID:line:)``.
    @discardableResult
    public func coiterate<Elements: Sequence>(
        _ elements: Elements, fileID: StaticString = #fileID, line: UInt = #line,
        _ body: @escaping (Elements.Element) throws -> Void
    ) -> Deferred<Void> {
        cooperate(elements, fileID: fileID, line: line, body).whenDone(fileID: fileID, line: line)
    }

    /// As the other, waiting for each Deferred that `body` returns.
    @discardableResult
    public func coiterate<Elements: Sequence, Value>(
        _ elements: Elements, fileID: StaticString = #fileID, line: UInt = #line,
        _ body: @escaping (Elements.Element) throws -> Deferred<Value>
    ) -> Deferred<Void> {
        cooperate(elements, fileID: fileID, line: line, body).whenDone(fileID: fileID, line: line)
    }

    private func add(
        _ fileID: StaticString, _ line: UInt, _ unit: @escaping () throws -> CooperativeTask.Progress
    ) -> CooperativeTask {
        reactor?.requireThread()
        weak var task: CooperativeTask?
        let outcome = Deferred<Void>(fileID: fileID, line: line) { _ in task?.cancelled() }
        let added = CooperativeTask(self, outcome, unit)
        task = added
        added.slot = unfinished.insert(WeakTask(task: added))
        ready(added)
        if state == .stopped { added.finish(.failure(SchedulerStopped()), SchedulerStopped()) }
        return added
    }

    // MARK: - For the tasks

    /// A task has something to do, for the first time or again.
    func ready(_ task: CooperativeTask) {
        readyCount += 1
        task.place = round.count
        round.append(task)
        schedule()
    }

    /// A task has nothing to do for now.
    func idle(_ task: CooperativeTask) {
        readyCount -= 1
        round[task.place] = nil
        guard readyCount == 0 else { return }
        round.removeAll(keepingCapacity: true)
        next = 0
        try? timer?.cancel()
        timer = nil
    }

    func finished(_ slot: Int) { unfinished.remove(slot) }

    // MARK: - Taking turns

    private func schedule() {
        guard state == .running, readyCount > 0, timer?.isActive != true else { return }
        timer = reactor?.callLater(.zero) { [self] in takeTurns() }
    }

    private func takeTurns() {
        let end = MonotonicTime.now.advanced(by: slice)
        repeat {
            if next == round.count { beginRound() }
            let task = round[next]
            next += 1
            task?.takeTurn()
        } while state == .running && readyCount > 0 && .now < end
        schedule()
    }

    private func beginRound() {
        next = 0
        round.removeAll { $0 == nil }
        for (place, task) in round.enumerated() { task?.place = place }
    }
}
