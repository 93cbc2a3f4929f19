extension RawSpan {
    /// The byte at an offset.
    ///
    /// - Precondition: `offset` is at least 0 and less than `byteCount`.
    @inlinable
    public subscript(offset: Int) -> UInt8 {
        precondition(offset >= 0 && offset < byteCount, "byte offset out of range")
        return unsafe unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
    }

    /// Whether the bytes are exactly those of `text` in UTF-8.
    ///
    /// ```swift
    /// if line.elementsEqual("quit") { transport.loseConnection() }
    /// ```
    public func elementsEqual(_ text: String) -> Bool {
        byteCount == text.utf8.count && starts(with: text)
    }

    /// Whether the first bytes are those of `text` in UTF-8.
    public func starts(with text: String) -> Bool {
        text.withRawSpan { starts(with: $0) }
    }

    /// Whether the first bytes are those of `prefix`. An empty prefix starts everything.
    public func starts(with prefix: RawSpan) -> Bool {
        guard prefix.byteCount <= byteCount else { return false }
        for offset in 0..<prefix.byteCount where self[offset] != prefix[offset] { return false }
        return true
    }

    /// Whether the last bytes are those of `suffix`. An empty suffix ends everything.
    public func ends(with suffix: RawSpan) -> Bool {
        suffix.byteCount <= byteCount && extracting(last: suffix.byteCount).starts(with: suffix)
    }
}

extension Array<UInt8> {
    /// An array with a copy of the span's bytes: how a protocol keeps what it received.
    public init(copying span: RawSpan) {
        self = unsafe span.withUnsafeBytes { unsafe Array($0) }
    }

    /// Appends a copy of the span's bytes.
    public mutating func append(copying span: RawSpan) {
        unsafe span.withUnsafeBytes { unsafe append(contentsOf: $0) }
    }
}

extension String {
    /// The span's bytes as UTF-8 text; what is not valid UTF-8 becomes U+FFFD.
    public init(decoding span: RawSpan) {
        self = unsafe span.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }
}

extension DefaultStringInterpolation {
    /// Puts the span's bytes, read as UTF-8, into a string: `print("got \(data)")`.
    public mutating func appendInterpolation(_ span: RawSpan) {
        appendLiteral(String(decoding: span))
    }
}
