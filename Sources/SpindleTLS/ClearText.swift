import Spindle

extension RawSpan {
    /// The beginning of what cannot be TLS, as text; nil of what can.
    ///
    /// OpenSSL would take such bytes for the length of a record, and wait for it or say something that helps nobody.
    var clearText: String? {
        // Alert and handshake: all that comes first.
        guard byteCount > 0, self[0] != 21, self[0] != 22 else { return nil }
        var text = ""
        for offset in 0..<Swift.min(byteCount, 40) {
            let byte = self[offset]
            if byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\n") { break }
            text.unicodeScalars.append(byte >= 32 && byte < 127 ? Unicode.Scalar(byte) : "\u{FFFD}")
        }
        return text
    }
}
