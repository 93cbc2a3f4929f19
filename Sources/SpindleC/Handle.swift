/// What C has in place of one of our objects: a name that looks like a pointer and points nowhere.
///
/// It tells a slot of ``HandleTable`` and how often that slot had been used before.
@safe
struct Handle {
    let slot: Int
    let generation: UInt

    private static let half = UInt.bitWidth / 2
    private static let mask: UInt = 1 << half - 1

    /// Generations begin at 1, so that no handle is NULL.
    static let firstGeneration: UInt = 1

    init(slot: Int, generation: UInt) {
        self.slot = slot
        self.generation = generation
    }

    /// What C passes in, whatever it is.
    init(_ pointer: OpaquePointer?) {
        let bits = UInt(bitPattern: pointer)
        slot = Int(bits & Self.mask)
        generation = bits >> Self.half
    }

    /// As C knows it.
    var pointer: OpaquePointer? { unsafe OpaquePointer(bitPattern: generation << Self.half | UInt(slot)) }

    var isNull: Bool { generation == 0 && slot == 0 }

    /// The generation after this one.
    var nextGeneration: UInt { max(Self.firstGeneration, (generation + 1) & Self.mask) }
}
