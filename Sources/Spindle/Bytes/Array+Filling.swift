extension Array<UInt8> {
    /// As many bytes as `fill` says that it has put into room for `capacity`.
    ///
    /// The standard library's initializer does the same, but writes the length of the one empty array, which threads share, when
    /// there is no room to fill.
    package init(capacity: Int, filledBy fill: (UnsafeMutableBufferPointer<UInt8>) -> Int) {
        self = []
        guard capacity > 0 else { return }
        self = unsafe Array(unsafeUninitializedCapacity: capacity) { room, filled in unsafe filled = fill(room) }
    }
}
