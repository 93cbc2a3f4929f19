import CSpindle

/// Notes what spindle.h's callbacks tell of a connection, and does what a test tells it to.
final class CRecorder {
    private(set) var events: [String] = []
    private(set) var received: [UInt8] = []
    private(set) var connection: OpaquePointer?

    var onConnected: (OpaquePointer?) -> Void = { _ in }
    var onReceived: (OpaquePointer?) -> Void = { _ in }
    var onDrained: (OpaquePointer?) -> Void = { _ in }
    var onReadEnded: (OpaquePointer?) -> Void = { _ in }
    var onLost: () -> Void = {}

    /// As a `user` argument; the test keeps the recorder.
    var user: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    /// - Parameter halfClose: whether it wants to hear of the peer's end alone.
    static func callbacks(halfClose: Bool = false) -> spindle_callbacks {
        spindle_callbacks(
            size: MemoryLayout<spindle_callbacks>.size,
            connected: { connection, user in
                let me = CRecorder.from(user)
                me.connection = connection
                me.note("connected")
                me.onConnected(connection)
            },
            received: { connection, data, length, user in
                let me = CRecorder.from(user)
                me.received += UnsafeRawBufferPointer(start: data, count: length)
                me.onReceived(connection)
            },
            drained: { connection, user in
                CRecorder.from(user).note("drained")
                CRecorder.from(user).onDrained(connection)
            },
            read_ended: halfClose
                ? { connection, user in
                    CRecorder.from(user).note("read ended")
                    CRecorder.from(user).onReadEnded(connection)
                } : nil,
            lost: { connection, reason, text, user in
                CRecorder.from(user).note("lost \(reason): \(String(cString: text!))")
                CRecorder.from(user).onLost()
            })
    }

    func note(_ event: String) { events.append(event) }

    private static func from(_ user: UnsafeMutableRawPointer?) -> CRecorder {
        Unmanaged<CRecorder>.fromOpaque(user!).takeUnretainedValue()
    }
}
