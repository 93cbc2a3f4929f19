import Spindle

/// Finds lines in bytes that come in pieces, and searches none of them twice.
struct LineFramer {
    var delimiter: LineDelimiter { didSet { searched = 0 } }
    var maxLength: Int

    /// How many of the bytes are known to hold no delimiter.
    private var searched = 0

    init(_ delimiter: LineDelimiter = "\r\n", maxLength: Int = 16_384) {
        self.delimiter = delimiter
        self.maxLength = maxLength
    }

    enum Finding {
        /// A line of `length` bytes, which uses up `used` with its ending.
        case line(length: Int, used: Int)
        /// More bytes are needed.
        case incomplete
        case tooLong
    }

    /// Looks for the line that `data` begins with. After `.incomplete` it is to be asked with the same bytes and more.
    mutating func find(in data: RawSpan) -> Finding {
        let known = min(searched, data.byteCount)
        searched = 0
        guard let end = delimiter.firstIndex(in: data, from: known) else {
            if data.byteCount - delimiter.bytes.count >= maxLength { return .tooLong }
            searched = max(0, data.byteCount - delimiter.terminator.count + 1)
            return .incomplete
        }
        let length = delimiter.lineLength(in: data, endingAt: end)
        return length > maxLength ? .tooLong : .line(length: length, used: end + delimiter.terminator.count)
    }

    /// Forgets what was searched: other bytes come next.
    mutating func restart() { searched = 0 }
}
