/// One connection of a ``ClientService``, from the attempt to the end of what has come of it.
final class ServedConnection {
    private let reactor: Reactor
    private var onReady: ((Protocol) -> Void)?
    private var onEnded: ((any Error) -> Void)?

    private var connecting: Deferred<Protocol>?
    private var preparing: Deferred<Void>?
    private var connected: Protocol?
    /// Why it is given up, if it was us.
    private var failure: (any Error)?
    private var isClosing = false

    /// - Parameters:
    ///   - onReady: called once, when the connection is there and prepared, unless that fails.
    ///   - onEnded: called once, with the reason, when the attempt has failed or the connection is gone.
    init(_ reactor: Reactor, onReady: @escaping (Protocol) -> Void, onEnded: @escaping (any Error) -> Void) {
        self.reactor = reactor
        self.onReady = onReady
        self.onEnded = onEnded
    }

    /// Begins. Both closures may be called before this returns.
    func start(
        _ endpoint: any StreamClientEndpoint, _ factory: Factory,
        _ prepare: @escaping (Protocol) throws -> Deferred<Void>
    ) {
        let connecting = endpoint.connect(factory)
        if !connecting.hasFired { self.connecting = connecting }
        connecting.addBoth { [self] result in
            self.connecting = nil
            switch result {
            case .success(let made): watch(made, prepare)
            case .failure(let error): end(error)
            }
        }
        // The factory may have stopped the service.
        if isClosing { self.connecting?.cancel() }
    }

    /// Calls the attempt off, or closes the connection.
    func close() {
        isClosing = true
        onReady = nil
        connecting?.cancel()
        preparing?.cancel()
        connected?.transport.loseConnection()
    }

    private func watch(_ made: Protocol, _ prepare: (Protocol) throws -> Deferred<Void>) {
        connected = made
        let transport = made.transport
        _ = ConnectionWatch(transport) { [self] in end($0) }
        if !transport.isConnected {
            // Lost so soon that nobody may be left to tell us; a pass later whoever is has done so.
            reactor.inNextPass { [self] in end(ConnectionLost()) }
        } else if isClosing {
            transport.loseConnection()
        } else {
            self.prepare(made, prepare)
        }
    }

    private func prepare(_ made: Protocol, _ prepare: (Protocol) throws -> Deferred<Void>) {
        let preparing: Deferred<Void>
        do { preparing = try prepare(made) } catch { return reject(error) }
        if !preparing.hasFired { self.preparing = preparing }
        preparing.addBoth { [self] result in
            self.preparing = nil
            switch result {
            case .success: onReady.take()?(made)
            case .failure(let error): reject(error)
            }
        }
        if isClosing { self.preparing?.cancel() }
    }

    /// What does not pass the preparation is closed, and has failed when it is gone.
    private func reject(_ error: any Error) {
        failure = failure ?? error
        connected?.transport.loseConnection()
    }

    private func end(_ reason: any Error) {
        guard let onEnded = onEnded.take() else { return }
        onReady = nil
        connected = nil
        let reason = failure ?? reason
        preparing.take()?.cancel()
        onEnded(reason)
    }
}
