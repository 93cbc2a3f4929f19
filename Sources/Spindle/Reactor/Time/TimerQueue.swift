/// A reactor's clock, and the calls that wait for it: in the order of their deadlines and, among
/// equals, of the calls (T1).
///
/// A class of its own so that a ``DelayedCall`` can find it without holding the reactor. It holds
/// the calls and they hold it; the reactor ends that when it goes.
final class TimerQueue {
    let handle: ReactorHandle
    private var heap = TimerHeap()
    private var nextSequence: UInt64 = 0
    private let descriptor: TimerDescriptor?
    /// What the kernel will wake us for.
    private var armedFor: MonotonicTime?
    /// The time at which a test holds the clock.
    private(set) var heldTime: MonotonicTime?

    /// Whether calls are due, or the kernel does not know of the earliest deadline yet.
    private(set) var needsAttention = false
    /// Told when the next call is due earlier than before, and when none is left.
    var onChange: (() -> Void)?

    init(_ handle: ReactorHandle, _ descriptor: TimerDescriptor?) {
        self.handle = handle
        self.descriptor = descriptor
    }

    /// The time that delayed calls go by.
    var now: MonotonicTime { heldTime ?? .now }

    /// How many calls wait.
    var count: Int { heap.count }

    /// The calls that wait, the first to be made first.
    var calls: [DelayedCall] { heap.calls }

    /// When the first of the calls that wait is due.
    var firstDeadline: MonotonicTime? { heap.first?.deadline }

    /// When the first of those is due that are not due at `time` yet.
    func firstDeadline(after time: MonotonicTime) -> MonotonicTime? {
        guard let first = firstDeadline, first <= time else { return firstDeadline }
        return heap.ranks.lazy.map(\.deadline).filter { $0 > time }.min()
    }

    // MARK: - Calls come, move and go

    func add(_ deadline: MonotonicTime, _ body: @escaping () throws -> Void) -> DelayedCall {
        let call = DelayedCall(self, deadline, body)
        call.slot = heap.insert(call, nextRank(deadline))
        return call
    }

    /// Moves a call after its deadline changed: it comes behind those that have the new one already.
    ///
    /// One that was moved into the past has its place among those that are due now: before older ones that are due it would be
    /// in their way for ever, since a turn ends with what was made or moved in it (R3).
    func moved(_ call: DelayedCall) { heap.move(call.slot, nextRank(max(call.deadline, now))) }

    func cancelled(_ call: DelayedCall) {
        _ = heap.remove(call.slot)
        if heap.isEmpty { onChange?() }
    }

    /// Gives up on all calls: what their closures hold is released.
    func abandonAll() {
        // One by one, and out of the queue first: what a closure held may cancel others as it goes.
        while let call = heap.removeFirst() { call.abandon() }
    }

    private func nextRank(_ deadline: MonotonicTime) -> TimerHeap.Rank {
        defer { nextSequence += 1 }
        if armedFor.map({ deadline < $0 }) ?? true {
            needsAttention = true
            onChange?()
        }
        return TimerHeap.Rank(deadline: deadline, sequence: nextSequence)
    }

    // MARK: - Time passes

    /// The kernel's timer has gone off.
    func expired() {
        armedFor = nil
        needsAttention = true
    }

    /// In a child process: goes on with a timer that is not the parent's as well.
    func renewDescriptor() throws(SystemError) {
        try descriptor?.renew()
        // It has to be armed anew.
        expired()
    }

    /// The number that the next call made will have. A pass stops there, so that calls which it
    /// makes wait for the next one.
    var limit: UInt64 { nextSequence }

    /// Removes and returns the first call that is due at `now` and was made before `limit`.
    func popDue(at now: MonotonicTime, before limit: UInt64) -> DelayedCall? {
        guard let first = heap.first, first.deadline <= now, first.sequence < limit else { return nil }
        return heap.removeFirst()
    }

    /// Has the kernel wake the loop at the earliest deadline, unless that has passed already.
    func arm(at now: MonotonicTime) {
        needsAttention = false
        guard let first = firstDeadline else { return }
        if first <= now {
            needsAttention = true
        } else if heldTime == nil, armedFor.map({ first < $0 }) ?? true {
            descriptor?.arm(at: first)
            armedFor = first
        }
    }

    /// Stops the clock at `time`, which is later than any that it was held at before.
    func hold(at time: MonotonicTime) {
        heldTime = time
        needsAttention = true
    }
}
