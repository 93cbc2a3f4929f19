import CSpindle
import Testing

/// A reactor that C made, as C knows it.
final class CLoop {
    let handle: OpaquePointer

    init() throws {
        var made: OpaquePointer?
        #expect(spindle_new(nil, &made) == 0, "\(lastError)")
        handle = try #require(made)
    }

    /// Runs until something calls `stop`; after a long while by force.
    func run() {
        var watchdog: OpaquePointer?
        spindle_call_later(
            handle, 30,
            { reactor in
                Issue.record("nobody stopped the reactor")
                spindle_stop(OpaquePointer(reactor))
            }, UnsafeMutableRawPointer(handle), &watchdog)
        #expect(spindle_run(handle) == 0)
        spindle_cancel(watchdog)
    }

    func stop() { spindle_stop(handle) }

    func free() { #expect(spindle_free(handle) == 0) }

    /// Listens for connections that a recorder is told of; returns where.
    func listen(
        _ recorder: CRecorder, _ endpoint: String = "tcp:0:interface=127.0.0.1", halfClose: Bool = false
    ) -> (port: OpaquePointer?, address: String) {
        var callbacks = CRecorder.callbacks(halfClose: halfClose)
        var port: OpaquePointer?
        #expect(spindle_listen(handle, endpoint, &callbacks, recorder.user, &port) == 0, "\(lastError)")
        return (port, text { spindle_port_address(port, $0, $1) })
    }

    /// Connects a recorder.
    func connect(_ recorder: CRecorder, _ endpoint: String, halfClose: Bool = false) -> OpaquePointer? {
        var callbacks = CRecorder.callbacks(halfClose: halfClose)
        var connection: OpaquePointer?
        #expect(spindle_connect(handle, endpoint, &callbacks, recorder.user, &connection) == 0, "\(lastError)")
        return connection
    }
}

/// What spindle_last_error() says.
var lastError: String { String(cString: spindle_last_error()) }

/// The text that a function like spindle_peer() writes.
func text(_ write: (UnsafeMutablePointer<CChar>?, Int) -> CInt) -> String {
    var buffer = [CChar](repeating: 1, count: 256)
    let length = write(&buffer, buffer.count)
    #expect(length >= 0, "\(lastError)")
    return String(decoding: buffer.prefix(Int(max(0, length))).map(UInt8.init(bitPattern:)), as: UTF8.self)
}
