/// Delayed calls, the next one to be made first.
///
/// A heap, of nodes that say which call they stand for, so that ordering them moves numbers only and
/// counts no references. Each node's place is known: a call that is cancelled or moved is found
/// without a search, and leaves nothing behind. Every change costs O(log n). Each node has four
/// children: that halves the height of a binary heap, and siblings lie side by side in memory.
struct TimerHeap {
    /// Where a call stands among all others (T1).
    struct Rank {
        let deadline: MonotonicTime
        /// Decides among equal deadlines.
        let sequence: UInt64

        static func < (left: Rank, right: Rank) -> Bool {
            left.deadline == right.deadline ? left.sequence < right.sequence : left.deadline < right.deadline
        }
    }

    private struct Node {
        var rank: Rank
        let slot: Int
    }

    /// Where a call stays while it waits.
    private struct Slot {
        var call: DelayedCall?
        /// Where its node is. If the slot is free: the next free one.
        var place: Int
    }

    private var nodes: [Node] = []
    private var slots: [Slot] = []
    private var free = 0

    var count: Int { nodes.count }
    var isEmpty: Bool { nodes.isEmpty }

    var first: Rank? { nodes.first?.rank }

    /// In order.
    var calls: [DelayedCall] { nodes.sorted { $0.rank < $1.rank }.compactMap { slots[$0.slot].call } }

    /// In no order.
    var ranks: some Sequence<Rank> { nodes.lazy.map(\.rank) }

    /// Adds a call; returns by what to find it again.
    mutating func insert(_ call: DelayedCall, _ rank: Rank) -> Int {
        let slot = free
        if slot == slots.count {
            slots.append(Slot(call: call, place: nodes.count))
            free += 1
        } else {
            free = slots[slot].place
            slots[slot].call = call
        }
        nodes.append(Node(rank: rank, slot: slot))
        settle(nodes[nodes.count - 1], nodes.count - 1)
        return slot
    }

    mutating func move(_ slot: Int, _ rank: Rank) { settle(Node(rank: rank, slot: slot), slots[slot].place) }

    mutating func remove(_ slot: Int) -> DelayedCall? {
        let hole = slots[slot].place
        let last = nodes.removeLast()
        if hole < nodes.count { settle(last, hole) }
        slots[slot].place = free
        free = slot
        return slots[slot].call.take()
    }

    mutating func removeFirst() -> DelayedCall? { nodes.first.flatMap { remove($0.slot) } }

    /// Puts a node where it belongs, above the hole or below it, and what it passes into the hole, which moves on.
    private mutating func settle(_ node: Node, _ hole: Int) {
        var hole = hole
        while hole > 0 {
            let parent = (hole - 1) / 4
            guard node.rank < nodes[parent].rank else { break }
            put(nodes[parent], hole)
            hole = parent
        }
        while 4 * hole + 1 < nodes.count {
            var first = 4 * hole + 1
            for child in first + 1..<min(first + 4, nodes.count) where nodes[child].rank < nodes[first].rank {
                first = child
            }
            guard nodes[first].rank < node.rank else { break }
            put(nodes[first], hole)
            hole = first
        }
        put(node, hole)
    }

    private mutating func put(_ node: Node, _ place: Int) {
        nodes[place] = node
        slots[node.slot].place = place
    }
}
