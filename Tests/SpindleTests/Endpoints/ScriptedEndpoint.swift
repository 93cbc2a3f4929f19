@_spi(Carriers) import Spindle

/// An endpoint that connects, or fails to, when a test says so.
final class ScriptedEndpoint: StreamClientEndpoint {
    private let reactor: Reactor
    private(set) var factories: [Factory] = []
    private var attempts: [Deferred<Protocol>] = []
    /// Those of the connections made, in order.
    private(set) var transports: [ScriptedTransport] = []
    private(set) var cancellations = 0
    /// Whether each attempt succeeds before `connect` returns.
    var connectsAtOnce = false
    /// What to do to a new connection before `connect`'s Deferred fires.
    var onConnection: (ScriptedTransport) -> Void = { _ in }

    init(_ reactor: Reactor) { self.reactor = reactor }

    var attemptCount: Int { attempts.count }

    func connect(_ factory: Factory) -> Deferred<Protocol> {
        factories.append(factory)
        let attempt = Deferred<Protocol> { [unowned self] _ in cancellations += 1 }
        attempts.append(attempt)
        if connectsAtOnce { succeed() }
        return attempt
    }

    /// The last attempt succeeds.
    func succeed() {
        guard let made = factories.last?.buildProtocol(.unspecified) else { return fail(NoProtocol()) }
        let transport = ScriptedTransport(reactor, made)
        transports.append(transport)
        do { try made.makeConnection(transport) } catch { return fail(error) }
        onConnection(transport)
        try? attempts.last?.callback(made)
    }

    /// The last attempt fails.
    func fail(_ error: any Error) { try? attempts.last?.errback(error) }
}

/// A connection that ends when a test says so.
final class ScriptedTransport: InertTransport {
    private var served: Protocol?
    private(set) var losing = 0

    init(_ reactor: Reactor, _ served: Protocol) {
        self.served = served
        super.init(reactor: reactor)
    }

    override var isConnected: Bool { served != nil }
    override var isDisconnecting: Bool { served == nil || losing > 0 }
    override func loseConnection() { losing += 1 }

    override func switchProtocol(to newProtocol: Protocol, handingOver rest: RawSpan) {
        served = newProtocol
        try? newProtocol.makeConnection(self)
    }

    /// The connection is over.
    func end(_ reason: any Error = ConnectionDone()) {
        served.take()?.connectionLost(reason)
        observer.take()?.connectionEnded(reason, wasStarted: true)
    }
}

/// What goes wrong in a test because it is meant to.
struct Mishap: Error, Equatable {
    var number = 0
}
