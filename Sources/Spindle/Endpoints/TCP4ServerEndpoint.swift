/// Listens on an IPv4 port.
///
/// ```swift
/// let endpoint = TCP4ServerEndpoint(reactor, 8000)
/// endpoint.listen(EchoFactory())
/// try reactor.run()
/// ```
public struct TCP4ServerEndpoint: StreamServerEndpoint {
    private let reactor: Reactor
    private let plan: ListenPlan

    /// - Parameters:
    ///   - interface: a numeric address; empty for all IPv4 interfaces.
    ///   - options: how to listen, and the options of the accepted connections.
    public init(
        _ reactor: Reactor, _ port: Int, backlog: Int? = nil, interface: String = "",
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
