extension Transport {
    /// Sends bytes; see ``write(_:)-2ryzc``.
    public func write(_ bytes: [UInt8]) { bytes.withRawSpan { write($0) } }

    /// Sends text as UTF-8; see ``write(_:)-2ryzc``.
    public func write(_ text: String) { text.withRawSpan { write($0) } }

    /// Sends an open descriptor with bytes; see ``sendFileDescriptor(_:with:)-(_,RawSpan)``.
    public func sendFileDescriptor(_ descriptor: CInt, with bytes: [UInt8]) throws {
        try bytes.withRawSpan { try sendFileDescriptor(descriptor, with: $0) }
    }

    /// Sends an open descriptor with text; see ``sendFileDescriptor(_:with:)-(_,RawSpan)``.
    public func sendFileDescriptor(_ descriptor: CInt, with text: String) throws {
        try text.withRawSpan { try sendFileDescriptor(descriptor, with: $0) }
    }

    /// Sends pieces one after the other, in as few sends as one write of all of them would take (W2).
    public func writeSequence(_ pieces: some Sequence<[UInt8]>) {
        for piece in pieces { write(piece) }
    }
}
