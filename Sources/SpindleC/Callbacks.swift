internal import CSpindle
internal import Spindle

/// The functions that C has passed in for connections.
@safe
final class Callbacks {
    let raw: spindle_callbacks

    /// - Throws: ``Refusal``
    init(_ pointer: UnsafePointer<spindle_callbacks>?) throws {
        unsafe raw = try copySized(pointer, spindle_callbacks(), "callbacks")
    }

    /// A protocol that calls them. It is told of a half-close if C wants that.
    func makeProtocol(for connection: CallbackConnection) -> Protocol {
        unsafe raw.read_ended == nil ? CallbackProtocol(connection) : HalfCloseCallbackProtocol(connection)
    }
}

/// Hands what happens to a connection on to C.
private class CallbackProtocol: Protocol {
    fileprivate let connection: CallbackConnection

    init(_ connection: CallbackConnection) { self.connection = connection }

    override func connectionMade() { connection.connectionMade(transport) }
    override func dataReceived(_ data: RawSpan) { connection.dataReceived(data) }
    override func connectionLost(_ reason: any Error) { connection.end(reason) }
}

private final class HalfCloseCallbackProtocol: CallbackProtocol, HalfCloseProtocol {
    func readConnectionLost() { connection.readEnded() }
    func writeConnectionLost() {}
}
