/// Listens on an IPv4 port.
///
/// ```swift
/// let endpoint = TCP4ServerEndpoint(reactor, 8000)
/// endpoint.listen(EchoFactory())
/// try reactor.run()
/// ```
public struct TCP4ServerEndpoint: StreamServerEndpoint {
    private let reactor: Reactor
    private let port: Int
    private let backlog: Int
    private let interface: String
    private let options: ListenOptions

    /// - Parameters:
    ///   - interface: a numeric address; empty for all IPv4 interfaces.
    ///   - options: how to listen, and the options of the accepted connections.
    public init(
        _ reactor: Reactor, _ port: Int, backlog: Int = 50, interface: String = "",
        options: ListenOptions = ListenOptions()
    ) {
        self.reactor = reactor
        self.port = port
        self.backlog = backlog
        self.interface = interface
        self.options = options
    }

    @discardableResult
    public func listen(_ factory: Factory) -> Deferred<ListeningPort> {
        Deferred(
            Result { try reactor.listenTCP(port, factory, backlog: backlog, interface: interface, options: options) })
    }
}

/// Listens on an IPv6 port; where the system is set up so, which is usual, on the same IPv4 port too. See
/// ``ListenOptions/dualStack``.
public struct TCP6ServerEndpoint: StreamServerEndpoint {
    private let reactor: Reactor
    private let port: Int
    private let backlog: Int
    private let interface: String
    private let options: ListenOptions

    /// - Parameters:
    ///   - interface: a numeric IPv6 address, with its scope if it needs one.
    ///   - options: how to listen, and the options of the accepted connections.
    public init(
        _ reactor: Reactor, _ port: Int, backlog: Int = 50, interface: String = "::",
        options: ListenOptions = ListenOptions()
    ) {
        self.reactor = reactor
        self.port = port
        self.backlog = backlog
        self.interface = interface
        self.options = options
    }

    @discardableResult
    public func listen(_ factory: Factory) -> Deferred<ListeningPort> {
        Deferred(
            Result { try reactor.listenTCP(port, factory, backlog: backlog, interface: interface, options: options) })
    }
}
