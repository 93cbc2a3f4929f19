import Spindle
import TestSupport
import Testing

/// How protocols search the spans that they are given, beside a search too simple to be wrong.
@Suite(.ownThreads) struct RawSpanSearchTests {
    private func naiveIndex(of pattern: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard start + pattern.count <= bytes.count else { return nil }
        return (start...(bytes.count - pattern.count)).first { Array(bytes[$0..<($0 + pattern.count)]) == pattern }
    }

    private func index(of byte: UInt8, in bytes: [UInt8], from start: Int = 0) -> Int? {
        bytes.withRawSpan { $0.firstIndex(of: byte, from: start) }
    }

    private func index(of pattern: [UInt8], in bytes: [UInt8], from start: Int = 0) -> Int? {
        bytes.withRawSpan { span in pattern.withRawSpan { span.firstIndex(of: $0, from: start) } }
    }

    /// Few different bytes, so that much of a pattern is found before the whole of it is.
    private func random(_ count: Int, of alphabet: UInt8, using generator: inout SeededGenerator) -> [UInt8] {
        (0..<count).map { _ in .random(in: 0..<alphabet, using: &generator) }
    }

    @Test("firstIndex(of:from:) finds a byte where a naive search does", arguments: 1...4)
    func byte(seed: Int) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let bytes = random(.random(in: 0...40, using: &generator), of: 12, using: &generator)
            let byte = UInt8.random(in: 0..<12, using: &generator)
            let start = Int.random(in: 0...bytes.count, using: &generator)
            let found = index(of: byte, in: bytes, from: start)
            #expect(found == bytes[start...].firstIndex(of: byte), "\(byte) in \(bytes) from \(start)")
        }
    }

    @Test("firstIndex(of:from:) finds a pattern where a naive search does", arguments: 1...4)
    func pattern(seed: Int) {
        var generator = SeededGenerator(seed: seed)
        var hits = 0
        for _ in 0..<5000 {
            let alphabet = UInt8.random(in: 1...4, using: &generator)
            let bytes = random(.random(in: 0...40, using: &generator), of: alphabet, using: &generator)
            let pattern = random(.random(in: 0...5, using: &generator), of: alphabet, using: &generator)
            let start = Int.random(in: 0...bytes.count, using: &generator)
            let found = index(of: pattern, in: bytes, from: start)
            #expect(found == naiveIndex(of: pattern, in: bytes, from: start), "\(pattern) in \(bytes) from \(start)")
            if found != nil { hits += 1 }
        }
        // Neither all of them nor none, or this would test little.
        #expect((1000...4500).contains(hits))
    }

    @Test("Searching at the edges: an empty span, an empty pattern, the last byte, from the end")
    func edges() {
        let bytes = Array("abca".utf8)
        let a = UInt8(ascii: "a")
        #expect(index(of: a, in: []) == nil)
        #expect(RawSpan().firstIndex(of: a) == nil)
        #expect(index(of: a, in: bytes) == 0)
        #expect(index(of: a, in: bytes, from: 1) == 3)
        #expect(index(of: a, in: bytes, from: 4) == nil)
        #expect(index(of: [], in: []) == 0)
        #expect(index(of: [], in: bytes, from: 4) == 4)
        #expect(index(of: Array("ca".utf8), in: bytes) == 2)
        #expect(index(of: Array("cab".utf8), in: bytes) == nil)
        #expect(index(of: bytes, in: bytes) == 0)
        #expect(index(of: bytes, in: bytes, from: 1) == nil)
        #expect(index(of: bytes + [a], in: bytes) == nil)
    }

    @Test("A search in a part of a span gives offsets in that part")
    func part() {
        let found = Array("a,b,c".utf8).withRawSpan { $0.extracting(2..<5).firstIndex(of: UInt8(ascii: ",")) }
        #expect(found == 1)
    }

    @Test("A search start out of range is refused", arguments: [-1, 4])
    func startOutOfRange(start: Int) async {
        await #expect(processExitsWith: .failure) { [start] in
            _ = [UInt8]([1, 2, 3]).withRawSpan { $0.firstIndex(of: 2, from: start) }
        }
        await #expect(processExitsWith: .failure) { [start] in
            _ = [UInt8]([1, 2, 3]).withRawSpan { span in "\u{2}".withRawSpan { span.firstIndex(of: $0, from: start) } }
        }
    }

    // MARK: - Splitting

    private func pieces(of text: String) -> [String] {
        var pieces: [String] = []
        text.withRawSpan { $0.split(separator: UInt8(ascii: " ")) { pieces.append("\($0)") } }
        return pieces
    }

    @Test("split gives each piece in order, empty ones too")
    func split() {
        #expect(pieces(of: "SET key value") == ["SET", "key", "value"])
        #expect(pieces(of: "alone") == ["alone"])
        #expect(pieces(of: " a  b ") == ["", "a", "", "b", ""])
        #expect(pieces(of: "") == [""])
        #expect(pieces(of: " ") == ["", ""])
    }

    @Test("split gives the pieces that the standard library's gives", arguments: 1...2)
    func splitRandomly(seed: Int) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let bytes = random(.random(in: 0...30, using: &generator), of: 4, using: &generator)
            var pieces: [[UInt8]] = []
            bytes.withRawSpan { $0.split(separator: 0) { pieces.append(Array(copying: $0)) } }
            #expect(pieces == bytes.split(separator: 0, omittingEmptySubsequences: false).map(Array.init))
        }
    }

    @Test("What split's closure throws ends it")
    func splitThrows() {
        struct Enough: Error {}
        var seen: [String] = []
        #expect(throws: Enough.self) {
            try "a b c".withRawSpan { span in
                try span.split(separator: UInt8(ascii: " ")) { piece in
                    seen.append("\(piece)")
                    if seen.count == 2 { throw Enough() }
                }
            }
        }
        #expect(seen == ["a", "b"])
    }
}
