public import Spindle

extension Reactor {
    /// Listens on a TCP port and serves each connection over TLS, with a protocol that `factory` builds.
    ///
    /// ```swift
    /// let configuration = try TLSConfiguration.server(certificateChain: .file("cert.pem"), privateKey: .file("key.pem"))
    /// try reactor.listenTLS(8443, EchoFactory(), configuration)
    /// ```
    ///
    /// As `listenTCP`, but protocols are built, and hear of their connections, when the handshake is over (L2). A
    /// handshake that fails is logged.
    ///
    /// - Parameters:
    ///   - port: 0 has the kernel choose one; `ListeningPort.address` tells which.
    ///   - backlog: how many connections the kernel may hold ready while the reactor is busy; nil for as many as it allows.
    ///   - interface: a numeric address; empty for all IPv4 interfaces, `::` for IPv6 ones.
    ///   - options: how to listen, and the options of the accepted connections.
    /// - Throws: ``TLSConfigurationError``; `CannotListenError` naming interface, port and reason (F2).
    @discardableResult
    public func listenTLS(
        _ port: Int, _ factory: Factory, _ configuration: TLSConfiguration, backlog: Int? = nil, interface: String = "",
        options: ListenOptions = ListenOptions()
    ) throws -> ListeningPort {
        let plan = try TLSFilter.Plan(server: configuration)
        let listening = try listenTCP(port, factory, backlog: backlog, interface: interface, options: options)
        // In time: connections are accepted by the loop.
        listening.makeFilter = { TLSFilter(plan) }
        return listening
    }

    /// Connects to a TCP port over TLS and serves the connection with a protocol that `factory` builds.
    ///
    /// ```swift
    /// reactor.connectTLS("example.com", 443, GreeterFactory(), try .client())
    /// ```
    ///
    /// As `connectTCP`, but the protocol is built, and hears of its connection, when the handshake is over and the server
    /// has proved that it is `host` (L2). Returns at once; what goes wrong, the configuration included, the factory's
    /// `clientConnectionFailed` hears in a later pass: ``TLSHandshakeError`` or ``TLSConfigurationError`` beside those that TCP has.
    ///
    /// - Parameters:
    ///   - host: a name, or a numeric address: what the server's certificate has to be for.
    ///   - timeout: how long it may take, look-up and handshake included; nil leaves it to the kernel and to
    ///     ``TLSConfiguration/handshakeTimeout``.
    ///   - bindAddress: the address that this end is to have; with port 0 the kernel chooses the port.
    ///   - options: set before connecting.
    @discardableResult
    public func connectTLS(
        _ host: String, _ port: Int, _ factory: ClientFactory, _ configuration: TLSConfiguration,
        timeout: Duration? = .seconds(30), bindAddress: SocketAddress? = nil,
        options: [SocketOption] = [.noDelay(true)]
    ) -> Connector {
        let plan = Result { () throws(TLSConfigurationError) in
            try TLSFilter.Plan(client: configuration, host)
        }
        return connectTCP(
            host, port, factory, timeout: timeout, bindAddress: bindAddress, options: options,
            precondition: { _ = try plan.get() },
            makeFilter: { plan.makeFilter() })
    }
}

extension Result<TLSFilter.Plan, TLSConfigurationError> {
    /// The filter of a connection that was not begun if there is no plan.
    fileprivate func makeFilter() -> any StreamFilter {
        switch self {
        case .success(let plan): TLSFilter(plan)
        case .failure(let error): preconditionFailure("connected without a configuration: \(error)")
        }
    }
}
