import Spindle

/// Bytes that were received and wait to be delivered; cheap to take from the front.
struct PendingBytes {
    private var bytes: [UInt8] = []
    private var start = 0

    var isEmpty: Bool { start == bytes.count }

    mutating func append(_ data: RawSpan) {
        compact()
        bytes.append(copying: data)
    }

    mutating func append(_ other: PendingBytes) {
        if isEmpty { self = other } else { other.withBytes { append($0) } }
    }

    mutating func removeFirst(_ count: Int) { start += count }

    mutating func removeAll() { self = PendingBytes() }

    /// Returns all there is and keeps nothing.
    mutating func take() -> PendingBytes {
        defer { self = PendingBytes() }
        return self
    }

    func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        try bytes.withRawSpan { try body($0.extracting(droppingFirst: start)) }
    }

    /// Drops what has been taken once that is the greater part, so that each byte is moved about once.
    private mutating func compact() {
        guard start > bytes.count / 2 else { return }
        bytes.removeFirst(start)
        start = 0
    }
}
