import Logging

/// A port that accepts connections and has a factory build a protocol for each: Twisted's `Port`.
///
/// Made by ``Reactor/listenTCP(_:_:backlog:interface:)`` and by server endpoints.
public final class ListeningPort {
    public let reactor: Reactor
    public let factory: Factory

    /// Where it listens. With port 0 asked for, this has the port that the kernel chose (F2).
    public private(set) var address: SocketAddress

    private let interface: String
    private let backlog: Int
    private var socket: Socket?
    private var listener: Listener?
    private var slot = 0

    init(_ reactor: Reactor, _ address: SocketAddress, interface: String, backlog: Int, _ factory: Factory) {
        self.reactor = reactor
        self.address = address
        self.interface = interface
        self.backlog = backlog
        self.factory = factory
    }

    /// Whether connections are accepted now.
    public var isListening: Bool { listener != nil }

    /// Listens again, on the same port, after ``stopListening()`` (F3). Does nothing while listening.
    ///
    /// - Throws: ``CannotListenError`` with interface, port and errno (F2); ``ReactorNotRunning`` while
    ///   the reactor stops.
    public func startListening() throws {
        reactor.requireThread()
        guard listener == nil else { return }
        if reactor.isStopping { throw ReactorNotRunning() }
        factory.beginUse()
        do throws(SystemError) {
            try open()
        } catch {
            factory.endUse()
            throw CannotListenError(interface, address.port ?? 0, error)
        }
        slot = reactor.ports.insert(self)
    }

    private func open() throws(SystemError) {
        let socket = try Socket.openStream(for: address)
        do throws(SystemError) {
            socket[.reuseAddress] = true
            // Accepted sockets inherit it, which saves a system call for each of them.
            socket[.noDelay] = true
            try socket.bind(to: address)
            try socket.listen(backlog: backlog)
            address = try socket.localAddress()
            listener = try Listener(reactor.base, socket.descriptor, self)
        } catch {
            socket.close()
            throw error
        }
        self.socket = socket
    }

    /// Accepts no more connections and gives up the port. Those that are open live on (F3).
    ///
    /// The port is free when this returns. Does nothing when not listening.
    @discardableResult
    public func stopListening() -> Deferred<Void> {
        reactor.requireThread()
        if let listener = listener.take() {
            listener.close()
            reactor.base.bury(listener)
            socket.take()?.close()
            reactor.ports.remove(slot)
            factory.endUse()
        }
        return Deferred(.success(()))
    }
}

extension ListeningPort: ListenerHandler {
    func accepted(_ descriptor: CInt, from peer: SocketAddress) {
        let accepted = Socket(descriptor: descriptor)
        guard let newProtocol = factory.makeProtocol(for: peer) else { return accepted.close() }
        do {
            let host = address.isWildcard ? nil : address
            let transport = try SocketTransport(reactor, accepted, peer: peer, host: host)
            // What connectionMade throws was logged, and becomes the reason of the connection's end.
            try? transport.start(newProtocol)
        } catch {
            reactor.logger.error("cannot serve \(peer): \(error)")
            accepted.close()
        }
    }

    /// No more descriptors, usually: those who wait stay in the kernel's queue for a moment.
    func acceptFailed(_ error: SystemError) {
        reactor.logger.error("cannot accept on \(address): \(error)")
        listener?.pause()
        reactor.callLater(.milliseconds(100)) { [weak self] in self?.listener?.resume() }
    }
}

@available(*, unavailable)
extension ListeningPort: Sendable {}
