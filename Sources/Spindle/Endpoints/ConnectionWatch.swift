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

    func connectionOpened(_ transport: Transport) { next?.connectionOpened(transport) }
    func connectionStarted(_ transport: Transport) { next?.connectionStarted(transport) }

    func connectionEnded(_ reason: any Error, wasStarted: Bool) {
        ended(reason)
        next?.connectionEnded(reason, wasStarted: wasStarted)
    }
}
