import Spindle

/// What ends a line.
///
/// ```swift
/// delimiter = "\r\n"          // exactly this, both ways; the default
/// delimiter = .anyNewline     // what people type: CRLF or a bare LF; CRLF is sent
/// ```
public struct LineDelimiter: Hashable, Sendable, ExpressibleByStringLiteral {
    /// What is sent behind a line.
    public let bytes: [UInt8]

    /// What is looked for in what arrives.
    let terminator: [UInt8]
    /// Dropped from a line's end if it is there.
    let optionalEnding: UInt8?

    /// A delimiter of these bytes.
    ///
    /// - Precondition: there is at least one.
    public init(_ bytes: [UInt8]) {
        precondition(!bytes.isEmpty, "a line delimiter needs at least one byte")
        self.init(bytes: bytes, terminator: bytes, optionalEnding: nil)
    }

    public init(stringLiteral text: String) { self.init(Array(text.utf8)) }

    private init(bytes: [UInt8], terminator: [UInt8], optionalEnding: UInt8?) {
        self.bytes = bytes
        self.terminator = terminator
        self.optionalEnding = optionalEnding
    }

    /// Lines end with LF, and a CR before it belongs to the ending: telnet sends both, nc only LF.
    public static let anyNewline = LineDelimiter(
        bytes: Array("\r\n".utf8), terminator: Array("\n".utf8), optionalEnding: UInt8(ascii: "\r"))

    /// Where the first line's ending begins, not looking before `start`.
    func firstIndex(in data: RawSpan, from start: Int) -> Int? {
        if terminator.count == 1 { return data.firstIndex(of: terminator[0], from: start) }
        return terminator.withRawSpan { data.firstIndex(of: $0, from: start) }
    }

    /// The length of the line that comes before the ending at `end`.
    func lineLength(in data: RawSpan, endingAt end: Int) -> Int {
        end > 0 && data[end - 1] == optionalEnding ? end - 1 : end
    }
}
