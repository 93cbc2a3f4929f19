/// Bytes that tell by their place in the stream whether they are the right ones.
enum FuzzPattern {
    static func bytes(from start: Int, _ count: Int) -> [UInt8] {
        (start..<start + count).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 11) }
    }
}
