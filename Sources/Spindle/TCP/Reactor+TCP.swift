extension Reactor {
    /// Listens on a TCP port and serves each connection with a protocol that `factory` builds.
    ///
    /// ```swift
    /// let port = try reactor.listenTCP(0, Factory { EchoProtocol() }, interface: "127.0.0.1")
    /// print("listening on \(port.address)")
    /// ```
    ///
    /// May be called before `run()`; connections are accepted while the reactor runs.
    ///
    /// - Parameters:
    ///   - port: 0 has the kernel choose one; ``ListeningPort/address`` tells which.
    ///   - backlog: how many connections the kernel may hold ready while the reactor is busy; nil for as many as it allows
    ///     (`net.core.somaxconn`).
    ///   - interface: a numeric address; empty for all IPv4 interfaces, `::` for IPv6 ones.
    ///   - options: how to listen, and the options of the accepted connections.
    /// - Throws: ``CannotListenError`` naming interface, port and reason (F2).
    @discardableResult
    public func listenTCP(
        _ port: Int, _ factory: Factory, backlog: Int? = nil, interface: String = "",
        options: ListenOptions = ListenOptions()
    ) throws -> ListeningPort {
        let plan = ListenPlan.tcp(port: port, interface: interface, backlog: backlog, options: options)
        return try plan.listen(on: self, factory)
    }

    /// Connects to a TCP port and serves the connection with a protocol that `factory` builds.
    ///
    /// ```swift
    /// final class GreeterFactory: ClientFactory {
    ///     override func buildProtocol(_ address: SocketAddress) -> Protocol? { Greeter() }
    ///     override func clientConnectionFailed(_ connector: Connector, _ reason: any Error) { print(reason) }
    /// }
    /// reactor.connectTCP("example.com", 80, GreeterFactory())
    /// ```
    ///
    /// Returns at once; whatever comes of it, a malformed address included, the factory hears in a
    /// later pass (F4). Of a name all addresses are tried, IPv6 and IPv4 in turn, each new one after
    /// 250 ms or when the last has failed (RFC 8305).
    ///
    /// - Parameters:
    ///   - host: a name, or a numeric address: `127.0.0.1`, `::1`, `fe80::1%eth0`.
    ///   - timeout: how long it may take, the look-up of the name included; nil leaves it to the kernel.
    ///   - bindAddress: the address that this end is to have; with port 0 the kernel chooses the port.
    ///   - options: set before connecting.
    @discardableResult
    public func connectTCP(
        _ host: String, _ port: Int, _ factory: ClientFactory, timeout: Duration? = .seconds(30),
        bindAddress: SocketAddress? = nil, options: [SocketOption] = [.noDelay(true)]
    ) -> Connector {
        let plan = ConnectPlan(tcp: host, port, timeout: timeout, bindAddress: bindAddress, options: options)
        return plan.startConnector(on: self, factory)
    }
}
