public import Spindle

/// A protocol that receives lines, and raw bytes where it chooses to.
///
/// ```swift
/// final class Answerer: LineReceiver {
///     override func lineReceived(_ line: RawSpan) {
///         line.elementsEqual("quit") ? transport.loseConnection() : sendLine("you said \(line)")
///     }
/// }
/// ```
///
/// However the network cuts the bytes up, the same lines come out (M1). Lines that lie whole in
/// what was received are handed over without copying. Nothing is delivered after
/// `loseConnection()`, nor while paused. Use ``pauseProducing()`` of this class rather than the
/// transport's, so that lines which have been received already wait as well; and the peer's end waits
/// behind them (S7).
open class LineReceiver: Protocol {
    /// What ends a line; CRLF unless set otherwise.
    public final var delimiter: LineDelimiter {
        get { framer.delimiter }
        set { framer.delimiter = newValue }
    }

    /// The longest line accepted, in bytes, without its delimiter (M2).
    public final var maxLength: Int {
        get { framer.maxLength }
        set { framer.maxLength = newValue }
    }

    private var isRaw = false
    private var isPaused = false
    private var isDelivering = false
    private var pending = PendingBytes()
    private var framer = LineFramer()

    // MARK: - To override

    /// A line came in, without its delimiter.
    ///
    /// The span is valid during this call only. What this throws closes the connection.
    open func lineReceived(_ line: RawSpan) throws {}

    /// Bytes came in, in raw mode.
    open func rawDataReceived(_ data: RawSpan) throws {}

    /// A line is longer than ``maxLength``. Closes the connection unless overridden.
    ///
    /// All that was received and not delivered is dropped; an override that keeps the connection
    /// goes on with what comes next.
    ///
    /// - Parameter line: what there is of the line, and what was received behind it.
    open func lineLengthExceeded(_ line: RawSpan) throws { transport.loseConnection() }

    // MARK: - To call

    /// Sends a line: the text, then the delimiter, in one send.
    public final func sendLine(_ line: String) {
        transport.write(line)
        transport.write(delimiter.bytes)
    }

    /// Sends a line: the bytes, then the delimiter, in one send.
    public final func sendLine(_ line: RawSpan) {
        transport.write(line)
        transport.write(delimiter.bytes)
    }

    /// From now on delivers bytes as they come, beginning with those behind the current line.
    public final func setRawMode() { isRaw = true }

    /// From now on delivers lines again.
    ///
    /// - Parameter rest: bytes given to `rawDataReceived` that belong to the lines.
    public final func setLineMode(_ rest: RawSpan = RawSpan()) {
        isRaw = false
        pending.append(rest)
        framer.restart()
        if !isDelivering { deliverInNextPass() }
    }

    /// Stops reading, and delivering what was read.
    public final func pauseProducing() {
        isPaused = true
        transport.pauseProducing()
    }

    /// Goes on reading and delivering; lines that wait come in the reactor's next pass.
    public final func resumeProducing() {
        guard isPaused else { return }
        isPaused = false
        deliverInNextPass()
    }

    // MARK: - Delivering

    /// Takes what the network brought apart into lines. Subclasses override ``lineReceived(_:)`` instead.
    public final override func dataReceived(_ data: RawSpan) throws {
        if pending.isEmpty {
            let used = try deliver(data)
            pending.append(data.extracting(droppingFirst: used))
        } else {
            pending.append(data)
        }
        try deliverPending()
    }

    /// Delivers what waits until nothing more comes of it.
    private func deliverPending() throws {
        while !pending.isEmpty, mayDeliver {
            // Out of reach meanwhile: a callback may put bytes back with setLineMode.
            var taken = pending.take()
            let used = try taken.withBytes { try deliver($0) }
            taken.removeFirst(used)
            let hasProgressed = used > 0 || !pending.isEmpty
            pending.append(taken)
            if !hasProgressed { break }
        }
        if transport.isDisconnecting { pending.removeAll() }
    }

    /// Delivers as much of `data` as makes lines, and returns how much that was.
    private func deliver(_ data: RawSpan) throws -> Int {
        isDelivering = true
        defer { isDelivering = false }
        var start = 0
        while start < data.byteCount, mayDeliver {
            let rest = data.extracting(droppingFirst: start)
            if isRaw {
                try rawDataReceived(rest)
                return data.byteCount
            }
            switch framer.find(in: rest) {
            case .line(let length, let used):
                start += used
                try lineReceived(rest.extracting(first: length))
            case .incomplete: return start
            case .tooLong:
                try lineLengthExceeded(rest)
                return data.byteCount
            }
        }
        return start
    }

    private var mayDeliver: Bool {
        !isPaused && !isReplaced && !transport.isDisconnecting && !transport.holdsDelivery
    }

    private func deliverInNextPass() {
        reactor.callLater(.zero) { [self] in
            guard !isPaused else { return }
            // Before delivering, which may pause again: the peer's end, put off until then, is looked for anew.
            // Nothing is read before this returns.
            transport.resumeProducing()
            do { try deliverPending() } catch { transport.callbackThrew("lineReceived", error) }
        }
    }

    public final override func takeUnusedBytes() -> [UInt8] {
        pending.take().withBytes { Array(copying: $0) }
    }

    public final override var hasUnusedBytes: Bool { !pending.isEmpty }
}
