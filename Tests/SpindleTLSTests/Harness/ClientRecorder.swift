import Spindle

/// A client factory that notes what came of it.
final class ClientRecorder: ClientFactory {
    let made: Recorder
    private(set) var failure: (any Error)?
    private(set) var hasLost = false

    init(_ made: Recorder = Recorder()) {
        self.made = made
        super.init()
        // Another than this one, which would be a cycle.
        _ = made.factory
    }

    override func buildProtocol(_ address: SocketAddress) -> Protocol? { made }
    override func clientConnectionFailed(_ connector: Connector, _ reason: any Error) { failure = reason }
    override func clientConnectionLost(_ connector: Connector, _ reason: any Error) { hasLost = true }

    var isOver: Bool { failure != nil || hasLost }
}
