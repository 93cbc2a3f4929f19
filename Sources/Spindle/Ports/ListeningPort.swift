import Glibc
import Logging

/// A port that accepts connections and has a factory build a protocol for each: Twisted's `Port`.
///
/// Made by ``Reactor/listenTCP(_:_:backlog:interface:options:)`` and its relatives, and by server endpoints.
public final class ListeningPort {
    public let reactor: Reactor
    public let factory: Factory

    /// Where it listens. With port 0 asked for, this has the port that the kernel chose (F2).
    public private(set) var address: SocketAddress

    /// The descriptor that listens, for what this class has no method for; nil when not listening. Do not close it.
    public var fileDescriptor: CInt? { socket?.descriptor }

    /// How many of the connections accepted here are open.
    public private(set) var connectionCount = 0 {
        didSet { seat?.countChanged(by: connectionCount - oldValue) }
    }

    /// How fast each connection may receive and send that is accepted from now on; see ``Transport/rateLimit``.
    public var rateLimit: RateLimit?
    /// What all connections that are accepted from now on share; see ``Transport/rateLimitGroup``.
    public var rateLimitGroup: RateLimitGroup?

    /// Whether clients that wait in the kernel's queue when the port stops are served still, which takes their connections for made.
    ///
    /// Otherwise the kernel resets their connections. Those that come to an adopted port stay in its socket's queue, for others.
    public var servesWaitingClients = true

    /// Makes what the bytes of each connection pass through that is accepted from now on.
    package var makeFilter: (() -> any StreamFilter)?

    /// In a ``ReactorGroup``: hands what is accepted here to other reactors' ports.
    var dealer: ConnectionDealer?
    /// In a ``ReactorGroup``: where this port has its connections from. It accepts none.
    var seat: ConnectionSeat?

    let maker: any ListeningSocketMaker
    /// The process that opened the socket: a child process inherits it.
    private(set) var owner: pid_t = 0
    private var slot = 0
    var socket: Socket?
    var listener: Listener?

    /// How the kernel refuses us what accepting takes; nil in good times.
    var shortage: AcceptShortage?
    /// Those who take the connections have enough of them for now.
    var isHeldBack = false {
        didSet { if isHeldBack != oldValue { isHeldBack ? listener?.pause() : resumeAccepting() } }
    }
    private var acceptedInPass = 0
    private var pass = 0

    /// Those connections that somebody waits for.
    private var drain: PortDrain?

    /// After this many connections accepted, or turned away, in a row, others get their turn: those that are open already.
    static let acceptsPerPass = 64

    /// - Parameter address: what to report before it listens.
    init(
        _ reactor: Reactor, _ maker: any ListeningSocketMaker, _ factory: Factory,
        address: SocketAddress = .unspecified
    ) {
        self.reactor = reactor
        self.maker = maker
        self.factory = factory
        self.address = address
    }

    /// Whether connections are accepted now.
    public var isListening: Bool { listener != nil }

    // MARK: - Starting

    /// Listens again, on the same port, after ``stopListening()`` (F3). Does nothing while listening.
    ///
    /// - Throws: ``CannotListenError`` with interface, port and errno (F2); ``ReactorNotRunning`` while
    ///   the reactor stops.
    public func startListening() throws {
        reactor.requireThread()
        guard listener == nil else { return }
        try reactor.requireOpen()
        factory.beginUse()
        do { try open() } catch {
            factory.endUse()
            throw error
        }
        slot = reactor.open.ports.insert(self)
    }

    private func open() throws {
        let socket = try maker.make()
        do {
            address = try socket.localAddress()
            listener = try maker.listen(socket, on: reactor.base, self)
            if seat != nil { listener?.pause() }
        } catch {
            maker.dispose(of: socket)
            throw error
        }
        self.socket = socket
        owner = reactor.process
        reactor.reserveDescriptor = reactor.reserveDescriptor ?? ReserveDescriptor()
    }

    // MARK: - Stopping

    /// Accepts no more connections and gives up the port. Those that are open live on (F3).
    ///
    /// Clients that the kernel has let in already, and that wait to be accepted, are accepted first, and served when the current
    /// callback has returned; see ``servesWaitingClients``. The port is free when this returns. Does nothing when not listening.
    @discardableResult
    public func stopListening() -> Deferred<Void> {
        reactor.requireThread()
        stop(serving: takeWaiting(), self)
        return Deferred(.success(()))
    }

    /// Gives up the port.
    func stop(serving waiting: [DealtConnection], _ observer: any ConnectionObserver) {
        reactor.requireThread()
        if !waiting.isEmpty { serveLater(waiting, observer) }
        listener?.close()
        forgetListener()
    }

    /// The end of listening, however it came about.
    func forgetListener() {
        guard let listener = listener.take() else { return }
        reactor.base.bury(listener)
        endShortage()
        if let socket = socket.take() { maker.dispose(of: socket) }
        reactor.open.ports.remove(slot)
        factory.endUse()
    }

    /// As ``stopListening()``, but the Deferred fires when the connections accepted here are gone (F3): those of clients that
    /// waited to be accepted are among them.
    ///
    /// They are not told of it: whoever drains a server knows how its protocols say goodbye. Those
    /// still open when `limit` is over are aborted. Asked again, it waits as long as the new `limit` says. Connections
    /// that are accepted later, if the port listens again meanwhile, are neither waited for nor aborted.
    @discardableResult
    public func stopListening(drain limit: Duration) -> Deferred<Void> {
        reactor.requireThread()
        let waiting = takeWaiting()
        guard connectionCount + waiting.count > 0 else {
            stop(serving: [], self)
            return Deferred(.success(()))
        }
        let drain = self.drain ?? PortDrain(self)
        self.drain = drain
        stop(serving: waiting, drain)
        return drain.begin(limit, expecting: waiting.count)
    }
}

extension ListeningPort: CustomStringConvertible {
    /// For example `127.0.0.1:8000 (EchoFactory), 12 connections`.
    public var description: String {
        "\(address) (\(type(of: factory))), \(connectionCount) connection\(connectionCount == 1 ? "" : "s")"
    }
}

extension ListeningPort: ListenerHandler {
    func accepted(_ descriptor: CInt, from peer: SocketAddress) {
        giveWay()
        let accepted = Socket(descriptor: descriptor)
        if let dealer { dealer.deal(accepted, from: peer) } else { serve(accepted, from: peer, self) }
    }

    /// Has the factory build a protocol for a connection that was accepted, here or on another reactor.
    ///
    /// - Returns: nil if there was no memory for it.
    @discardableResult
    func serve(
        _ accepted: Socket, from peer: SocketAddress, _ observer: any ConnectionObserver
    ) -> StreamTransport? {
        do throws(SystemError) {
            let host = address.isWildcard ? nil : address
            let transport = try SocketTransport.open(reactor, accepted, peer: peer, host: host)
            transport.observer = observer
            if let rateLimit { transport.rateLimit = rateLimit }
            if let rateLimitGroup { transport.rateLimitGroup = rateLimitGroup }
            if let makeFilter { transport.insert(makeFilter()) }
            transport.begin(.factory(factory))
            return transport
        } catch {
            reactor.logger.error("cannot serve \(peer): \(error)")
            observer.connectionFailed()
            return nil
        }
    }

    /// Lets a crowd of new connections in by and by.
    private func giveWay() {
        if pass != reactor.passes {
            pass = reactor.passes
            acceptedInPass = 0
        }
        acceptedInPass += 1
        guard acceptedInPass == Self.acceptsPerPass else { return }
        listener?.pause()
        reactor.inNextPass { [weak self] in
            self?.resumeAccepting()
        }
    }

    /// Accepts again, unless somebody still has a reason not to.
    func resumeAccepting() {
        if shortage?.isWaiting != true, !isHeldBack { listener?.resume() }
    }
}

extension ListeningPort: ConnectionObserver {
    package func connectionOpened(_ transport: Transport) { connectionCount += 1 }

    package func connectionEnded(_ reason: any Error, wasStarted: Bool) {
        connectionCount -= 1
        endDrainIfDone()
    }

    func endDrainIfDone() {
        guard let drain, drain.isDone else { return }
        self.drain = nil
        drain.finish()
    }
}

@available(*, unavailable)
extension ListeningPort: Sendable {}
