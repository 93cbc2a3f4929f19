/// A ``Factory`` for connections that we make: it hears of each attempt and may ask for the next.
///
/// Used with ``Reactor/connectTCP(_:_:_:timeout:bindAddress:options:)`` and its relatives. Endpoints, which are
/// simpler, take any ``Factory``.
///
/// The callbacks run on the reactor's thread. For a connection that was made they come in this
/// order: ``startedConnecting(_:)``, `buildProtocol`, the protocol's `connectionMade` … `connectionLost`,
/// ``clientConnectionLost(_:_:)``, and then `stopFactory` unless the connector was told to connect again (F5).
open class ClientFactory: Factory {
    /// An attempt begins. Called before `connect()` returns.
    open func startedConnecting(_ connector: Connector) {}

    /// No connection could be made.
    ///
    /// `reason` is typed by what went wrong: ``ConnectionRefusedError``, ``NoRouteError``, ``TCPTimedOutError``,
    /// ``TimeoutError``, ``DNSLookupError``, ``ConnectBindError``, ``UserError``, ``NoProtocol``, or
    /// ``ConnectError`` with the kernel's error number. `connector.connect()` tries again.
    open func clientConnectionFailed(_ connector: Connector, _ reason: any Error) {}

    /// The connection is over, and its protocol has been told. `connector.connect()` makes another.
    open func clientConnectionLost(_ connector: Connector, _ reason: any Error) {}
}
