import Spindle

/// A protocol that notes what happens to it, and does what a test tells it to.
class Recorder: Protocol {
    enum Event: Equatable {
        case made
        case data([UInt8])
        case lost
    }

    private(set) var events: [Event] = []
    private(set) var received: [UInt8] = []
    private(set) var reason: (any Error)?
    /// Set while a callback runs: what finds it set was called re-entrantly.
    private(set) var isInCallback = false
    private(set) var wasReentered = false

    /// For transfers that are too large to keep.
    var keepsNothing = false
    /// Has the transport go by its bufferevent from when the connection was made, and what that wrote is not sent yet.
    var wantsBufferEvent = false

    var onMade: (Recorder) throws -> Void = { _ in }
    var onData: (Recorder, RawSpan) throws -> Void = { _, _ in }
    var onLost: (Recorder) -> Void = { _ in }
    /// For the harness.
    var whenLost: () -> Void = {}

    override func connectionMade() throws {
        events.append(.made)
        defer { if wantsBufferEvent { _ = transport.bufferEvent } }
        try guarded { try onMade(self) }
    }

    override func dataReceived(_ data: RawSpan) throws {
        if !keepsNothing {
            let bytes = Array(copying: data)
            received += bytes
            events.append(.data(bytes))
        }
        isInCallback = true
        defer { isInCallback = false }
        try onData(self, data)
    }

    override func connectionLost(_ reason: any Error) {
        if isInCallback { wasReentered = true }
        events.append(.lost)
        self.reason = reason
        onLost(self)
        whenLost()
        // What a test's closures hold may be this protocol.
        (onMade, onData, onLost, whenLost) = ({ _ in }, { _, _ in }, { _ in }, {})
    }

    /// One that sends back what it receives.
    static func echo() -> Recorder {
        let recorder = Recorder()
        recorder.onData = { me, data in me.transport.write(data) }
        return recorder
    }

    private func guarded(_ body: () throws -> Void) rethrows {
        isInCallback = true
        defer { isInCallback = false }
        try body()
    }

    /// What it kept of the bytes it received, for a successor.
    var unused: [UInt8] = []

    override func takeUnusedBytes() -> [UInt8] {
        defer { unused = [] }
        return unused
    }

    /// How often the connection was lost.
    var losses: Int { events.count { $0 == .lost } }

    var receivedText: String { String(decoding: received, as: UTF8.self) }
}
