import Logging

// From an open connection to a protocol that was told of it.
extension StreamTransport {
    /// Makes the connection one of those that are open, and has its protocol built and told: now, or when nothing stands in
    /// the way any more. Called inside an entry, with no callback on the stack, unless there is an obstacle.
    ///
    /// - Parameters:
    ///   - obstacle: what the carrier has to wait for; it calls ``carrierIsReady()`` then.
    ///   - completion: called once, with the protocol after its connectionMade has returned, or with what kept that
    ///     from happening: what it threw, ``NoProtocol``, or the reason for the connection's end.
    final func begin(_ source: ProtocolSource, behind obstacle: PendingStart.Obstacle?, completion: StartCompletion?) {
        join()
        if case .factory(let factory) = source, filtering == nil, let makeFilter = factory.makeFilter {
            insert(makeFilter())
        }
        observer?.connectionOpened(self)
        if let obstacle {
            pendingStart = PendingStart(source, behind: obstacle, completion)
        } else if filtering != nil {
            pendingStart = PendingStart(source, behind: .filter, completion)
            beginFiltering()
        } else {
            start(source, completion)
        }
    }

    /// As `begin(_:behind:completion:)` for a carrier that is ready.
    package final func begin(_ source: ProtocolSource, completion: StartCompletion? = nil) {
        begin(source, behind: nil, completion: completion)
    }

    /// The carrier has nothing to wait for any more.
    final func carrierIsReady() {
        guard state == .open, let pendingStart else { return }
        guard filtering != nil else { return startAtLast() }
        pendingStart.obstacle = .filter
        beginFiltering()
    }

    /// Nothing stands in the way of the protocol any more.
    final func startAtLast() {
        guard state == .open, let pending = pendingStart.take() else { return }
        start(pending.source) { pending.end($0) }
    }

    private final func start(_ source: ProtocolSource, _ completion: StartCompletion?) {
        guard let newProtocol = source.make(for: peer) else {
            completion?(.failure(NoProtocol()))
            return end(NoProtocol())
        }
        // The factory may have thought better of it.
        guard state != .closed else {
            completion?(.failure(endReason ?? ConnectionDone()))
            return
        }
        connectedProtocol = newProtocol
        observer?.connectionStarted(self)
        protocolChanged()
        do {
            try newProtocol.makeConnection(self)
        } catch {
            callbackThrew("connectionMade", error)
            completion?(.failure(error))
            return
        }
        // One that is closing already has to notice a reset, and a peer that waits to be read.
        if state == .closing || (state == .open && isReading) {
            startReceiving()
        } else if state == .open {
            park()
        }
        completion?(.success(newProtocol))
    }

    /// Tells those who waited for a protocol that there will be none.
    final func abandonStart(_ reason: any Error) {
        guard let pending = pendingStart.take(), !pending.end(.failure(reason)) else { return }
        reactor.logger.info("a connection to \(peer) came to nothing: \(reason)")
    }
}
