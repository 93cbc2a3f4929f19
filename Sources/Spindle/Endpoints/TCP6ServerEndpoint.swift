/// Listens on an IPv6 port; where the system is set up so, which is usual, on the same IPv4 port too. See
/// ``ListenOptions/dualStack``.
public struct TCP6ServerEndpoint: StreamServerEndpoint {
    private let reactor: Reactor
    private let plan: ListenPlan

    /// - Parameters:
    ///   - interface: a numeric IPv6 address, with its scope if it needs one.
    ///   - options: how to listen, and the options of the accepted connections.
    public init(
        _ reactor: Reactor, _ port: Int, backlog: Int? = nil, interface: String = "::",
        options: ListenOptions = ListenOptions()
    ) {
        self.reactor = reactor
        plan = .tcp(port: port, interface: interface, backlog: backlog, options: options)
    }

    @discardableResult
    public func listen(_ factory: Factory) -> Deferred<ListeningPort> {
        Deferred(Result { try plan.listen(on: reactor, factory) })
    }
}
