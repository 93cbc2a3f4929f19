import Spindle
import SpindleTLS

/// A protocol that notes what happens to it, and does what a test tells it to.
final class Recorder: Protocol {
    private(set) var received: [UInt8] = []
    private(set) var receivedCount = 0
    private(set) var pieces = 0
    private(set) var isMade = false
    private(set) var reason: (any Error)?
    /// As it was when the connection was made.
    private(set) var session: TLSSessionInfo?
    var keepsNothing = false

    var onMade: (Recorder) throws -> Void = { _ in }
    var onData: (Recorder, RawSpan) throws -> Void = { _, _ in }
    var onLost: () -> Void = {}

    override func connectionMade() throws {
        isMade = true
        session = transport.tls
        try onMade(self)
    }

    override func dataReceived(_ data: RawSpan) throws {
        receivedCount += data.byteCount
        pieces += 1
        if !keepsNothing { received.append(copying: data) }
        try onData(self, data)
    }

    override func connectionLost(_ reason: any Error) {
        self.reason = reason
        onLost()
        // What a test's closures hold may be this protocol.
        (onMade, onData, onLost) = ({ _ in }, { _, _ in }, {})
    }

    var text: String { String(decoding: received, as: UTF8.self) }

    /// One that sends back what it receives.
    static func echo() -> Recorder {
        let recorder = Recorder()
        recorder.onData = { me, data in me.transport.write(data) }
        return recorder
    }
}
