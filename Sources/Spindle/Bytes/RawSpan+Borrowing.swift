extension Array<UInt8> {
    /// Lends the array's bytes as a raw span.
    @inline(__always)
    package func withRawSpan<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(unsafe span.bytes)
    }
}

extension String {
    /// Lends the string's UTF-8 bytes as a raw span.
    @inline(__always)
    package func withRawSpan<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(unsafe utf8Span.span.bytes)
    }
}
