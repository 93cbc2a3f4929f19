/// One attempt to connect a TCP socket, from the first system call to a protocol that was told so.
final class ConnectAttempt: EventHandler {
    /// Fires with the protocol after its connectionMade returned (E1). Cancelling it ends the attempt.
    private(set) lazy var connected = Deferred<Protocol> { [unowned self] _ in cancel() }

    private let reactor: Reactor
    private let address: SocketAddress
    private let factory: Factory
    private let timeout: Duration?
    private var slot = 0
    private var socket: Socket?
    private var event: Event?
    private var timer: DelayedCall?

    init(_ reactor: Reactor, _ address: SocketAddress, _ factory: Factory, timeout: Duration?) {
        self.reactor = reactor
        self.address = address
        self.factory = factory
        self.timeout = timeout
    }

    /// Begins. Whatever comes of it, good or bad, comes in a later pass.
    func start() {
        slot = reactor.attempts.insert(self)
        factory.beginUse()
        do {
            if reactor.isStopping { throw ReactorNotRunning() }
            let socket = try Socket.openStream(for: address)
            self.socket = socket
            socket[.noDelay] = true
            do throws(SystemError) { try socket.connect(to: address) } catch { throw error.connecting(to: address) }
            let event = Event(reactor.base, socket.descriptor, .writable, self)
            self.event = event
            try event.add()
        } catch {
            return reactor.inNextPass { [self] in finish(.failure(error)) }
        }
        if let timeout {
            timer = reactor.callLater(timeout) { [self] in
                finish(.failure(TimeoutError(address: address, timeout: timeout)))
            }
        }
    }

    func cancel() { finish(.failure(ConnectingCancelledError(address: address))) }

    /// The socket has become writable: connected, or failed.
    func eventFired() {
        guard let socket else { return }
        if let error = socket.takeError() { return finish(.failure(error.connecting(to: address))) }
        guard let newProtocol = factory.makeProtocol(for: address) else { return finish(.failure(NoProtocol())) }
        do {
            stopWaiting()
            let transport = try SocketTransport(reactor, socket, peer: address, host: nil)
            self.socket = nil
            try transport.start(newProtocol)
            finish(.success(newProtocol))
        } catch {
            finish(.failure(error))
        }
    }

    private func stopWaiting() {
        try? timer.take()?.cancel()
        guard let event = event.take() else { return }
        event.remove()
        reactor.base.bury(event)
    }

    private func finish(_ result: Result<Protocol, any Error>) {
        guard !connected.hasFired else { return }
        stopWaiting()
        socket.take()?.close()
        reactor.attempts.remove(slot)
        factory.endUse()
        try? connected.fire(result)
    }
}
