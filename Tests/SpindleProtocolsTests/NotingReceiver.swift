@_spi(Carriers) import Spindle
import SpindleProtocols

/// A transport that keeps what is written to it.
final class NotingTransport: InertTransport {
    private(set) var written: [UInt8] = []
    private var isLost = false
    private var isHeld = false

    override var isConnected: Bool { !isLost }
    override var isDisconnecting: Bool { isLost }
    override var isPaused: Bool { isHeld }
    override func write(_ data: RawSpan) { written.append(copying: data) }
    override func loseConnection() { isLost = true }
    override func pauseProducing() { isHeld = true }
    override func resumeProducing() { isHeld = false }
}

/// Notes what a LineReceiver delivers, and does what the lines say:
/// `raw N` takes N raw bytes, `pause` pauses, `close` closes.
final class NotingReceiver: LineReceiver {
    enum Event: Equatable {
        case line(String)
        case raw(String)
        case tooLong
    }

    private(set) var events: [Event] = []
    private var rawLeft = 0
    var survivesLongLines = false
    var onPause: () -> Void = {}

    override func lineReceived(_ line: RawSpan) throws {
        let text = "\(line)"
        events.append(.line(text))
        if text.hasPrefix("raw ") {
            rawLeft = Int(text.dropFirst(4)) ?? 0
            if rawLeft > 0 { setRawMode() }
        } else if text == "pause" {
            pauseProducing()
            onPause()
        } else if text == "close" {
            transport.loseConnection()
        } else if text == "throw" {
            throw Refusal()
        }
    }

    struct Refusal: Error {}

    override func rawDataReceived(_ data: RawSpan) {
        let count = min(rawLeft, data.byteCount)
        note(raw: String(decoding: data.extracting(first: count)))
        rawLeft -= count
        if rawLeft == 0 { setLineMode(data.extracting(droppingFirst: count)) }
    }

    /// Pieces of raw bytes are one event, however they came.
    private func note(raw text: String) {
        if case .raw(let before)? = events.last {
            events[events.count - 1] = .raw(before + text)
        } else {
            events.append(.raw(text))
        }
    }

    override func lineLengthExceeded(_ line: RawSpan) throws {
        events.append(.tooLong)
        if !survivesLongLines { try super.lineLengthExceeded(line) }
    }
}
