/// Hears of a connection's end beside whoever else does: put between a transport and its observer.
final class ConnectionWatch: ConnectionObserver {
    private let next: (any ConnectionObserver)?
    private let ended: (any Error) -> Void

    /// - Parameter ended: called after the protocol and before the observer that was there.
    init(_ transport: Transport, ended: @escaping (any Error) -> Void) {
        next = transport.observer
        self.ended = ended
        transport.observer = self
    }

    func connectionBegan(_ transport: Transport) { next?.connectionBegan(transport) }

    func connectionEnded(_ reason: any Error) {
        ended(reason)
        next?.connectionEnded(reason)
    }
}
