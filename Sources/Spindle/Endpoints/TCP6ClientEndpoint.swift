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
    public func connect(_ factory: Factory) -> Deferred<Protocol> { plan.connect(on: reactor, factory) }
}
