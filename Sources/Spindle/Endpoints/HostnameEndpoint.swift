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
    public func connect(_ factory: Factory) -> Deferred<Protocol> { plan.connect(on: reactor, factory) }
}
