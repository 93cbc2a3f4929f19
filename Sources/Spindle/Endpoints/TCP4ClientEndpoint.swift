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
    public func connect(_ factory: Factory) -> Deferred<Protocol> { plan.connect(on: reactor, factory) }
}
