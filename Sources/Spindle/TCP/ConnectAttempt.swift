/// One attempt to connect a TCP socket, from the first system call to a protocol that was told so.
final class ConnectAttempt: EventHandler {
    /// Fires with the protocol after its connectionMade returned (E1). Cancelling it ends the attempt.
    private(set) lazy var connected = Deferred<Protocol> { [weak self] _ in self?.cancel() }

    private let reactor: Reactor
    private let address: SocketAddress
    private let factory: Factory
    private let timeout: Duration?
    private var slot: Int?
    private var isFinished = false
    private var socket: Socket?
    private var event: Event?
    private var timer: DelayedCall?
    private var transport: SocketTransport?

    init(_ reactor: Reactor, _ address: SocketAddress, _ factory: Factory, timeout: Duration?) {
        self.reactor = reactor
        self.address = address
        self.factory = factory
        self.timeout = timeout
    }

    /// Begins. Whatever comes of it, good or bad, comes in a later pass.
    func start() {
        factory.beginUse()
        do {
            // Not one of those that a stopping reactor waits for, or a client that tries again and
            // again would keep it.
            if reactor.isStopping { throw ReactorNotRunning() }
            slot = reactor.attempts.insert(self)
            try open()
        } catch {
            return reactor.inNextPass { [self] in finish(.failure(error)) }
        }
        if let timeout {
            timer = reactor.callLater(timeout) { [self] in
                finish(.failure(TimeoutError(address: address, timeout: timeout)))
            }
        }
    }

    private func open() throws {
        let socket = try Socket.openStream(for: address)
        self.socket = socket
        socket[.noDelay] = true
        do throws(SystemError) { try socket.connect(to: address) } catch { throw error.connecting(to: address) }
        let event = Event(reactor.base, socket.descriptor, .writable, self)
        self.event = event
        try event.add()
    }

    func cancel() {
        // Its connectionMade may be on the stack.
        transport?.abort()
        finish(.failure(ConnectingCancelledError(address: address)))
    }

    /// The socket has become writable: connected, or failed.
    func eventFired() {
        guard let socket else { return }
        if let error = socket.takeError() { return finish(.failure(error.connecting(to: address))) }
        stopWaiting()
        guard let newProtocol = factory.makeProtocol(for: address) else { return finish(.failure(NoProtocol())) }
        // A factory may think better of it, and cancel.
        guard !isFinished else { return }
        do {
            let transport = try SocketTransport(reactor, socket, peer: address, host: nil)
            self.socket = nil
            self.transport = transport
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
        guard !isFinished else { return }
        isFinished = true
        stopWaiting()
        socket.take()?.close()
        transport = nil
        if let slot { reactor.attempts.remove(slot) }
        factory.endUse()
        try? connected.fire(result)
    }
}
