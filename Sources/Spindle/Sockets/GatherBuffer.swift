import Glibc

/// Collects the small writes of one entry, so that they leave in one send.
@safe
final class GatherBuffer {
    private var bytes: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    /// What fits at most. A protocol that writes more than this in one go has it sent in parts of this size.
    static let limit = 64 * 1024
    private static let initialCapacity = 2048

    init() {
        unsafe bytes = .allocate(byteCount: Self.initialCapacity, alignment: 16)
    }

    deinit { unsafe bytes.deallocate() }

    var isEmpty: Bool { count == 0 }

    /// Copies `data` in. False, without effect, when there would be more than `limit` then.
    func appendIfItFits(_ data: RawSpan) -> Bool {
        guard count + data.byteCount <= Self.limit else { return false }
        append(data)
        return true
    }

    /// Copies `data` in.
    func append(_ data: RawSpan) {
        let needed = count + data.byteCount
        if unsafe needed > bytes.count { grow(to: needed) }
        unsafe data.withUnsafeBytes { data in
            guard let source = data.baseAddress else { return }
            unsafe (bytes.baseAddress! + count).copyMemory(from: source, byteCount: data.count)
        }
        count = needed
    }

    /// Drops the first `dropped` bytes.
    func removeFirst(_ dropped: Int) {
        count -= dropped
        unsafe bytes.baseAddress!.copyMemory(from: bytes.baseAddress! + dropped, byteCount: count)
    }

    func removeAll() { count = 0 }

    /// How much memory it holds.
    var capacity: Int { unsafe bytes.count }

    /// Lends the bytes from `offset` on.
    func withBytes<Result, Failure: Error>(
        from offset: Int = 0, _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        unsafe try body(UnsafeRawBufferPointer(rebasing: bytes[offset..<count]).bytes)
    }

    private func grow(to needed: Int) {
        var capacity = unsafe bytes.count
        while capacity < needed { capacity *= 2 }
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
        unsafe larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        unsafe bytes.deallocate()
        unsafe bytes = larger
    }
}
