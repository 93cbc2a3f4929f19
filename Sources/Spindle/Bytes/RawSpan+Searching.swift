import Glibc

extension RawSpan {
    /// The offset of the first `byte` at or after `start`, or nil.
    ///
    /// - Precondition: `start` is at least 0 and at most `byteCount`.
    public func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        precondition(start >= 0 && start <= byteCount, "search start out of range")
        return unsafe withUnsafeBytes { bytes in
            guard start < bytes.count, let base = bytes.baseAddress else { return nil }
            guard let found = unsafe memchr(base + start, Int32(byte), bytes.count - start) else { return nil }
            return unsafe UnsafeRawPointer(found) - base
        }
    }

    /// The offset at which the bytes of `pattern` first appear at or after `start`, or nil.
    ///
    /// An empty pattern is found at `start`.
    public func firstIndex(of pattern: RawSpan, from start: Int = 0) -> Int? {
        precondition(start >= 0 && start <= byteCount, "search start out of range")
        guard pattern.byteCount > 0 else { return start }
        var candidate = firstIndex(of: pattern[0], from: start)
        while let found = candidate {
            if extracting(droppingFirst: found).starts(with: pattern) { return found }
            candidate = firstIndex(of: pattern[0], from: found + 1)
        }
        return nil
    }

    /// Calls `body` with each piece between separators, in order; empty pieces too, as many as there are.
    ///
    /// ```swift
    /// line.split(separator: UInt8(ascii: " ")) { word in print("\(word)") }
    /// ```
    ///
    /// Spans cannot be stored, so there is no array of pieces to return: copy what you keep.
    public func split<Failure: Error>(
        separator: UInt8, _ body: (RawSpan) throws(Failure) -> Void
    ) throws(Failure) {
        var start = 0
        while let end = firstIndex(of: separator, from: start) {
            try body(extracting(start..<end))
            start = end + 1
        }
        try body(extracting(start..<byteCount))
    }
}
