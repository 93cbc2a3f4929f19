/// Objects that register and leave in any order, each knowing its place: no hashing, no searching.
struct SlotMap<Element> {
    private var slots: [Element?] = []
    private var free: [Int] = []

    var count: Int { slots.count - free.count }
    var isEmpty: Bool { count == 0 }

    /// The elements present now; unaffected by what is inserted or removed meanwhile.
    var all: [Element] { slots.compactMap { $0 } }

    /// The slots that are taken now.
    var taken: [Int] { slots.indices.filter { slots[$0] != nil } }

    /// The element in a slot, if there is one.
    subscript(slot: Int) -> Element? { slots.indices.contains(slot) ? slots[slot] : nil }

    mutating func insert(_ element: Element) -> Int {
        if let slot = free.popLast() {
            slots[slot] = element
            return slot
        }
        slots.append(element)
        return slots.count - 1
    }

    mutating func remove(_ slot: Int) {
        guard slots[slot] != nil else { return }
        slots[slot] = nil
        free.append(slot)
        // After a crowd has left, its room goes too.
        if free.count == slots.count {
            slots = []
            free = []
        }
    }
}
