internal import Spindle

/// Which object each handle names, so that one of something that is over is found out instead of followed.
struct HandleTable {
    private var slots: [Slot] = []
    private var free: [Int] = []

    private struct Slot {
        var generation = Handle.firstGeneration
        var object: (any Handled)?
    }

    mutating func insert(_ object: any Handled) -> Handle {
        if free.isEmpty {
            free.append(slots.count)
            slots.append(Slot())
        }
        let slot = free.removeLast()
        slots[slot].object = object
        return Handle(slot: slot, generation: slots[slot].generation)
    }

    /// What a handle names, unless that is over.
    subscript(handle: Handle) -> (any Handled)? {
        guard slots.indices.contains(handle.slot), slots[handle.slot].generation == handle.generation else {
            return nil
        }
        return slots[handle.slot].object
    }

    /// Ends a handle; returns what it named.
    mutating func remove(_ handle: Handle) -> (any Handled)? {
        guard let object = self[handle] else { return nil }
        slots[handle.slot] = Slot(generation: handle.nextGeneration)
        free.append(handle.slot)
        return object
    }

    /// All that lives on the reactor of `owner`.
    func all(of owner: ReactorHandle) -> [any Handled] {
        slots.compactMap { $0.object?.owner === owner ? $0.object : nil }
    }
}
