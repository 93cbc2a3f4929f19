import Spindle
import Testing

/// How protocols read the spans that they are given.
///
/// Spans cannot be stored or captured, so results are taken out of them before they are looked at.
@Suite(.ownThreads) struct RawSpanTests {
    // MARK: - Bytes

    @Test("The subscript gives each byte")
    func bytes() {
        let all = Array(UInt8.min...UInt8.max)
        let read = all.withRawSpan { span in (0..<span.byteCount).map { span[$0] } }
        #expect(read == all)
    }

    @Test("The subscript works within an extracted part, from its own beginning")
    func extracted() {
        let read = Array("abcdef".utf8).withRawSpan { span in
            let part = span.extracting(2..<5)
            return [part[0], part[2]]
        }
        #expect(read == Array("ce".utf8))
    }

    @Test("The subscript refuses an offset out of range", arguments: [-1, 3, .max, .min])
    func outOfRange(offset: Int) async {
        await #expect(processExitsWith: .failure) { [offset] in
            _ = [UInt8]([1, 2, 3]).withRawSpan { $0[offset] }
        }
    }

    @Test(
        "Strings and arrays lend all their bytes",
        arguments: ["", "a", "fifteen bytes ..", String(repeating: "é", count: 500)])
    func lending(text: String) {
        #expect(text.withRawSpan { Array(copying: $0) } == Array(text.utf8))
        #expect(Array(text.utf8).withRawSpan { Array(copying: $0) } == Array(text.utf8))
    }

    // MARK: - Comparing

    @Test(
        "elementsEqual compares all bytes with a text's UTF-8",
        arguments: [
            ("quit", "quit", true), ("quit", "quit ", false), ("quit ", "quit", false), ("quit", "Quit", false),
            ("", "", true), ("", "x", false), ("x", "", false), ("grün", "grün", true), ("a\0b", "a\0b", true),
            ("a\0b", "a\0c", false),
            // The same character to a String, but not the same bytes.
            ("\u{e9}", "e\u{301}", false),
        ])
    func elementsEqual(bytes: String, text: String, expected: Bool) {
        #expect(Array(bytes.utf8).withRawSpan { $0.elementsEqual(text) } == expected)
    }

    @Test(
        "starts and ends compare the first and the last bytes",
        arguments: [
            ("GET /", "GET", true, false), ("GET /", " /", false, true), ("GET", "GET", true, true),
            ("GET", "GET ", false, false), ("GET", " GET", false, false), ("", "", true, true), ("x", "", true, true),
            ("", "x", false, false), ("abab", "ab", true, true), ("aXa", "a", true, true),
        ])
    func startsAndEnds(bytes: String, part: String, starts: Bool, ends: Bool) {
        let bytes = Array(bytes.utf8)
        #expect(bytes.withRawSpan { $0.starts(with: part) } == starts)
        #expect(bytes.withRawSpan { span in part.withRawSpan { span.starts(with: $0) } } == starts)
        #expect(bytes.withRawSpan { span in part.withRawSpan { span.ends(with: $0) } } == ends)
    }

    // MARK: - Copying

    @Test("Array(copying:) and append(copying:) copy what there is")
    func copying() {
        var copy = [UInt8]([1, 2, 3]).withRawSpan { Array(copying: $0) }
        #expect(copy == [1, 2, 3])
        [UInt8]([4, 5]).withRawSpan { copy.append(copying: $0) }
        [UInt8]().withRawSpan { copy.append(copying: $0) }
        copy.append(copying: RawSpan())
        #expect(copy == [1, 2, 3, 4, 5])
        #expect(Array(copying: RawSpan()) == [])
        #expect([UInt8]([1, 2, 3]).withRawSpan { Array(copying: $0.extracting(1..<2)) } == [2])
    }

    @Test("Text is decoded from UTF-8; what is not valid becomes U+FFFD")
    func decoding() {
        let cases: [([UInt8], String)] = [
            ([], ""),
            (Array("grün 🧵".utf8), "grün 🧵"),
            (Array("a\0b".utf8), "a\0b"),
            ([0x61, 0xff, 0x62], "a\u{fffd}b"),
            ([0x61, 0xc3], "a\u{fffd}"),  // cut off in the middle of a character
            ([0x9f, 0xa7, 0x62], "\u{fffd}\u{fffd}b"),  // begins in the middle of one
            ([0xed, 0xa0, 0x80], "\u{fffd}\u{fffd}\u{fffd}"),  // a surrogate
            ([0xc0, 0x80], "\u{fffd}\u{fffd}"),  // an overlong zero
        ]
        for (bytes, text) in cases {
            #expect(bytes.withRawSpan { String(decoding: $0) } == text)
            #expect(bytes.withRawSpan { "<\($0)>" } == "<\(text)>")
        }
        #expect(String(decoding: RawSpan()) == "")
    }

    @Test("Interpolation puts spans into a text, beside other things")
    func interpolation() {
        let text = Array("left".utf8).withRawSpan { left in
            Array("right".utf8).withRawSpan { right in "\(left) \(1) \(right)\(right.extracting(0..<0))." }
        }
        #expect(text == "left 1 right.")
    }
}
