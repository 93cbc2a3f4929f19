import Glibc

/// A socket on its way to being connected to one address.
final class SocketDial: EventHandler {
    private let reactor: Reactor
    private let address: SocketAddress
    var description: String { "connecting to \(address)" }
    private var socket: Socket?
    private var event: Event?
    private var retry: DelayedCall?
    private var completion: ((Result<Socket, any Error>) -> Void)?
    /// The user has chosen this end's port.
    private var hasOwnPort = false

    /// How soon to knock again at a UNIX socket whose queue is full: the kernel tells nobody when there is room.
    private static let retryDelay: Duration = .milliseconds(10)

    /// - Parameter completion: called once with a connected socket, which is then its own, or with the
    ///   reason why not; in a later pass, with no callback on the stack. Not called after `cancel()`.
    init(_ reactor: Reactor, _ address: SocketAddress, _ completion: @escaping (Result<Socket, any Error>) -> Void) {
        self.reactor = reactor
        self.address = address
        self.completion = completion
    }

    func start(_ plan: ConnectPlan) {
        do { try open(plan) } catch { reactor.inNextPass { [self] in finish(.failure(error)) } }
    }

    private func open(_ plan: ConnectPlan) throws {
        let socket: Socket
        do throws(SystemError) { socket = try .openStream(for: address) } catch {
            throw error.connecting(to: address)
        }
        self.socket = socket
        for option in plan.options where option.applies(to: address.family) { try socket.set(option) }
        if let local = plan.localAddress {
            // A port that has just been in use may be used again towards another peer.
            hasOwnPort = (local.port ?? 0) != 0
            if hasOwnPort { socket[.reuseAddress] = true }
            do throws(SystemError) { try socket.bind(to: local) } catch {
                throw ConnectBindError(address: local, errno: error.errno)
            }
        }
        try knock()
    }

    private func knock() throws {
        guard let socket else { return }
        do throws(SystemError) { try socket.connect(to: address) } catch {
            guard error.errno == EAGAIN, address.family == .unix else { throw error.connecting(to: address) }
            retry = reactor.callLater(Self.retryDelay) { [self] in
                do { try knock() } catch { finish(.failure(error)) }
            }
            return
        }
        let event = Event(reactor.base, socket.descriptor, .writable, self)
        self.event = event
        try event.add()
    }

    /// The socket has become writable: connected, or failed.
    func eventFired() {
        guard let socket else { return }
        if let error = socket.takeError() { return finish(.failure(error.connecting(to: address))) }
        // Where nobody listens, on a port that the kernel chooses from, it may choose that very port: TCP then connects the socket
        // to itself (F4).
        if address.family != .unix, !hasOwnPort, (try? socket.localAddress()) == address {
            // Or a server could not have the port for a minute.
            socket.resetOnClose()
            return finish(.failure(SystemError(ECONNREFUSED, "connect").connecting(to: address)))
        }
        stopWaiting()
        self.socket = nil
        finish(.success(socket))
    }

    func cancel() {
        completion = nil
        close()
    }

    private func finish(_ result: Result<Socket, any Error>) {
        close()
        completion.take()?(result)
    }

    private func close() {
        stopWaiting()
        socket.take()?.close()
    }

    private func stopWaiting() {
        try? retry.take()?.cancel()
        guard let event = event.take() else { return }
        event.remove()
        reactor.base.bury(event)
    }
}
