/// Connects to an IPv4 address, or to the IPv4 addresses of a name.
///
/// ```swift
/// reactor.spawn {
///     let endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", 8000)
///     try await endpoint.connect(Factory { Greeter() }).value()
/// }
/// ```
public struct TCP4ClientEndpoint: StreamClientEndpoint {
    private let reactor: Reactor
    private let plan: ConnectPlan

    /// - Parameters:
    ///   - host: a name or a numeric address.
    ///   - timeout: how long connecting may take, the look-up of the name included; nil leaves it to the kernel.
    ///   - bindAddress: the address that this end is to have; with port 0 the kernel chooses the port.
    ///   - options: set before connecting.
    public init(
        _ reactor: Reactor, _ host: String, _ port: Int, timeout: Duration? = .seconds(30),
        bindAddress: SocketAddress? = nil, options: [SocketOption] = [.noDelay(true)]
    ) {
        self.reactor = reactor
        plan = ConnectPlan(
            tcp: host, port, families: [.ipv4], timeout: timeout, bindAddress: bindAddress, options: options)
    }

    @discardableResult
    public func connect(_ factory: Factory) -> Deferred<Protocol> { reactor.connect(plan, factory) }
}

/// Connects to an IPv6 address, or to the IPv6 addresses of a name.
public struct TCP6ClientEndpoint: StreamClientEndpoint {
    private let reactor: Reactor
    private let plan: ConnectPlan

    /// - Parameters:
    ///   - host: a name, or a numeric address with its scope if it needs one: `fe80::1%eth0`.
    ///   - timeout: how long connecting may take, the look-up of the name included; nil leaves it to the kernel.
    ///   - bindAddress: the address that this end is to have; with port 0 the kernel chooses the port.
    ///   - options: set before connecting.
    public init(
        _ reactor: Reactor, _ host: String, _ port: Int, timeout: Duration? = .seconds(30),
        bindAddress: SocketAddress? = nil, options: [SocketOption] = [.noDelay(true)]
    ) {
        self.reactor = reactor
        plan = ConnectPlan(
            tcp: host, port, families: [.ipv6], timeout: timeout, bindAddress: bindAddress, options: options)
    }

    @discardableResult
    public func connect(_ factory: Factory) -> Deferred<Protocol> { reactor.connect(plan, factory) }
}

/// Connects to a host by name over IPv6 or IPv4, whichever answers first.
///
/// The families take turns; a new attempt begins every 250 ms, or as soon as one fails, and the
/// first to connect wins (RFC 8305, rule E3). So a broken IPv6 path costs a quarter of a second, and a
/// host that refuses costs nothing.
///
/// ```swift
/// HostnameEndpoint(reactor, "example.com", 80).connectProtocol(Greeter())
/// ```
public struct HostnameEndpoint: StreamClientEndpoint {
    private let reactor: Reactor
    private let plan: ConnectPlan

    /// - Parameters:
    ///   - host: a name; a numeric address will do as well.
    ///   - timeout: how long it may take altogether, the look-up included; nil leaves it to the kernel.
    ///   - bindAddress: the address that this end is to have; only addresses of its family are tried then.
    ///   - options: set before connecting.
    public init(
        _ reactor: Reactor, _ host: String, _ port: Int, timeout: Duration? = .seconds(30),
        bindAddress: SocketAddress? = nil, options: [SocketOption] = [.noDelay(true)]
    ) {
        self.reactor = reactor
        plan = ConnectPlan(tcp: host, port, timeout: timeout, bindAddress: bindAddress, options: options)
    }

    @discardableResult
    public func connect(_ factory: Factory) -> Deferred<Protocol> { reactor.connect(plan, factory) }
}
