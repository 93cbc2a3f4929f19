import Spindle

/// A ``ClientFactory`` that hands all it is told to a fuzz run.
final class FuzzClientFactory: ClientFactory {
    /// Told what happened, by name, and to which connector.
    var onEvent: (FuzzClientFactory, String, Connector?) -> Void = { _, _, _ in }
    var onBuild: () -> Protocol? = { nil }

    override func startFactory() { onEvent(self, "startFactory", nil) }
    override func stopFactory() { onEvent(self, "stopFactory", nil) }
    override func startedConnecting(_ connector: Connector) { onEvent(self, "startedConnecting", connector) }
    override func clientConnectionFailed(_ connector: Connector, _ reason: any Error) {
        onEvent(self, "clientConnectionFailed", connector)
    }
    override func clientConnectionLost(_ connector: Connector, _ reason: any Error) {
        onEvent(self, "clientConnectionLost", connector)
    }
    override func buildProtocol(_ address: SocketAddress) -> Protocol? { onBuild() }
}
