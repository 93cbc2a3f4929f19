public import Spindle

extension ReactorGroup {
    /// Listens on a TCP port that all reactors serve over TLS, each with a factory of its own.
    ///
    /// ```swift
    /// let address = try group.listenTLS(8443, configuration) { reactor in ChatFactory(reactor) }
    /// ```
    ///
    /// As `listenTCP`, with what `listenTLS` of a reactor adds to that. All reactors share the configuration, so that a client may
    /// go on with a session on any of them.
    ///
    /// - Parameters:
    ///   - port: 0 has the kernel choose one, the same for all.
    ///   - backlog: how many connections the kernel may hold ready while a reactor is busy; nil for as many as it allows.
    ///   - interface: a numeric address; empty for all IPv4 interfaces, `::` for IPv6 ones.
    ///   - sharing: how connections find their reactor.
    ///   - makeFactory: called once for each reactor, on its thread.
    /// - Returns: where it listens, with the port that the kernel chose.
    /// - Throws: ``TLSConfigurationError``; `CannotListenError` naming interface, port and reason. Nothing is left open then.
    @discardableResult
    public func listenTLS(
        _ port: Int, _ configuration: TLSConfiguration, backlog: Int? = nil, interface: String = "",
        options: ListenOptions = ListenOptions(), sharing: Sharing = .kernel,
        _ makeFactory: @escaping @Sendable (Reactor) -> Factory
    ) throws -> SocketAddress {
        let plan = try TLSFilter.Plan(server: configuration)
        return try listenTCP(port, backlog: backlog, interface: interface, options: options, sharing: sharing) {
            FilteredFactory(makeFactory($0)) { TLSFilter(plan) }
        }
    }
}
