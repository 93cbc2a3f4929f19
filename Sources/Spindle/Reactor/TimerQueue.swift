import HeapModule

/// The reactor's delayed calls, in the order of their deadlines and, among equals, of the calls (T1).
///
/// The heap is swift-collections'. Cancelled and moved calls leave their entries behind, to be
/// skipped when they come up; when such leftovers are the greater part, the heap is rebuilt.
struct TimerQueue {
    private struct Entry: Comparable {
        let deadline: MonotonicTime
        let sequence: UInt64
        let call: DelayedCall

        var isCurrent: Bool { call.isActive && call.sequence == sequence }

        static func < (left: Entry, right: Entry) -> Bool {
            (left.deadline, left.sequence) < (right.deadline, right.sequence)
        }
        static func == (left: Entry, right: Entry) -> Bool { left.sequence == right.sequence }
    }

    private var heap = Heap<Entry>()
    private var nextSequence: UInt64 = 0
    private var leftovers = 0
    private let descriptor: TimerDescriptor?
    /// What the kernel will wake us for.
    private var armedFor: MonotonicTime?

    /// Whether calls are due, or the kernel does not know of the earliest deadline yet.
    private(set) var needsAttention = false

    init(_ descriptor: TimerDescriptor?) { self.descriptor = descriptor }

    /// How many calls wait.
    var count: Int { heap.count - leftovers }

    mutating func add(
        _ reactor: Reactor, _ deadline: MonotonicTime, _ body: @escaping () throws -> Void
    ) -> DelayedCall {
        let call = DelayedCall(reactor, deadline, takeSequence(), body)
        insert(call)
        return call
    }

    mutating func cancelled(_ call: DelayedCall) { countLeftover() }

    /// Enters a call again after its deadline changed.
    mutating func reschedule(_ call: DelayedCall) {
        call.sequence = takeSequence()
        insert(call)
        countLeftover()
    }

    /// Returns every call and keeps none.
    mutating func takeAll() -> [DelayedCall] {
        let calls = heap.unordered.map(\.call)
        heap = Heap()
        leftovers = 0
        return calls
    }

    /// The kernel's timer has gone off.
    mutating func expired() {
        armedFor = nil
        needsAttention = true
    }

    /// In a child process: goes on with a timer that is not the parent's as well.
    mutating func renewDescriptor() throws(SystemError) {
        try descriptor?.renew()
        // It has to be armed anew.
        expired()
    }

    /// When the first of the calls that wait is due.
    var firstDeadline: MonotonicTime? {
        mutating get {
            dropLeftovers()
            return heap.min?.deadline
        }
    }

    /// The number that the next call made will have. A pass stops there, so that calls which it
    /// makes wait for the next one.
    var limit: UInt64 { nextSequence }

    /// Removes and returns the first call that is due at `now` and was made before `limit`.
    mutating func popDue(at now: MonotonicTime, before limit: UInt64) -> DelayedCall? {
        dropLeftovers()
        guard let first = heap.min, first.deadline <= now, first.sequence < limit else { return nil }
        return heap.removeMin().call
    }

    private mutating func dropLeftovers() {
        while let first = heap.min, !first.isCurrent {
            heap.removeMin()
            leftovers -= 1
        }
    }

    /// Has the kernel wake the loop at the earliest deadline, unless that has passed already.
    mutating func arm(at now: MonotonicTime) {
        needsAttention = false
        guard let first = heap.min else { return }
        if first.deadline <= now {
            needsAttention = true
        } else if armedFor.map({ first.deadline < $0 }) ?? true {
            descriptor?.arm(at: first.deadline)
            armedFor = first.deadline
        }
    }

    private mutating func insert(_ call: DelayedCall) {
        heap.insert(Entry(deadline: call.deadline, sequence: call.sequence, call: call))
        if armedFor.map({ call.deadline < $0 }) ?? true { needsAttention = true }
    }

    private mutating func takeSequence() -> UInt64 {
        defer { nextSequence += 1 }
        return nextSequence
    }

    private mutating func countLeftover() {
        leftovers += 1
        guard leftovers > 64, leftovers > heap.count / 2 else { return }
        heap = Heap(heap.unordered.filter(\.isCurrent))
        leftovers = 0
    }
}
