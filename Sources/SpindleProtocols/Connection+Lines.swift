public import Spindle

extension Connection {
    /// The lines that the peer sends, as text, without their endings: CRLF or a bare LF.
    ///
    /// ```swift
    /// for try await line in connection.lines {
    ///     if line == "quit" { break }
    ///     try await connection.write("you said \(line)\r\n")
    /// }
    /// ```
    ///
    /// What is behind the line where a loop is left can be read by the next one, or as ``Spindle/Connection/bytes``. Bytes that are
    /// no UTF-8 become U+FFFD. Where the peer finishes without a line ending, the sequence ends with what there is. A line of more than 16,384 bytes
    /// is a ``LineTooLongError``. Otherwise the sequence ends and throws as ``Spindle/Connection/bytes`` does.
    public var lines: Lines { lines(endingWith: .anyNewline) }

    /// The lines that the peer sends, as text; see ``Spindle/Connection/lines``.
    ///
    /// - Parameters:
    ///   - delimiter: what ends a line.
    ///   - maxLength: the longest line accepted, in bytes, without its ending (M2).
    public func lines(endingWith delimiter: LineDelimiter, maxLength: Int = 16_384) -> Lines {
        Lines(connection: self, framer: LineFramer(delimiter, maxLength: maxLength))
    }

    /// The lines that arrive on a connection: ``Spindle/Connection/lines``.
    public struct Lines: AsyncSequence {
        public typealias Element = String
        public typealias Failure = any Error

        let connection: Connection
        let framer: LineFramer

        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(connection: connection, framer: framer) }

        public struct AsyncIterator: AsyncIteratorProtocol {
            let connection: Connection
            var framer: LineFramer

            public mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> String? {
                // Somebody else may have read since.
                framer.restart()
                return try await connection.read(isolation: actor) { data, isLast in
                    try Self.next(&framer, data, isLast)
                }
            }

            private static func next(
                _ framer: inout LineFramer, _ data: RawSpan, _ isLast: Bool
            ) throws -> (used: Int, String?) {
                switch framer.find(in: data) {
                case .line(let length, let used): (used, String(decoding: data.extracting(first: length)))
                case .incomplete: isLast ? (data.byteCount, String(decoding: data)) : (0, nil)
                case .tooLong: throw LineTooLongError(maxLength: framer.maxLength)
                }
            }
        }
    }
}
