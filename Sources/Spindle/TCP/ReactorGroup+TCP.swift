extension ReactorGroup {
    /// Listens on a TCP port that all reactors serve, each with a factory of its own.
    ///
    /// ```swift
    /// let address = try group.listenTCP(0, interface: "127.0.0.1") { reactor in ChatFactory(reactor) }
    /// ```
    ///
    /// The port is taken when this returns (F2); connections are accepted while the group runs. As long as
    /// ``ListenOptions/reusePort`` is off, a port that another program listens on is an error, however it is shared here.
    ///
    /// - Parameters:
    ///   - port: 0 has the kernel choose one, the same for all.
    ///   - backlog: how many connections the kernel may hold ready while a reactor is busy; nil for as many as it allows.
    ///   - interface: a numeric address; empty for all IPv4 interfaces, `::` for IPv6 ones.
    ///   - sharing: how connections find their reactor.
    ///   - makeFactory: called once for each reactor, on its thread.
    /// - Returns: where it listens, with the port that the kernel chose.
    /// - Throws: ``CannotListenError`` naming interface, port and reason. Nothing is left open then.
    @discardableResult
    public func listenTCP(
        _ port: Int, backlog: Int? = nil, interface: String = "", options: ListenOptions = ListenOptions(),
        sharing: Sharing = .kernel, _ makeFactory: @escaping @Sendable (Reactor) -> Factory
    ) throws -> SocketAddress {
        guard sharing == .kernel else {
            let plan = ListenPlan.tcp(port: port, interface: interface, backlog: backlog, options: options)
            return try deal(plan.open(), makeFactory)
        }
        var shared = options
        shared.reusePort = true
        let first = try TCPListeningSocketMaker(interface, port, backlog: backlog, shared)
        if !options.reusePort { try first.requireNobodyListens() }
        var sockets = [try OpenedListeningSocket(first)]
        let address = sockets[0].address
        for _ in 1..<max(1, handles.count) {
            let next = try TCPListeningSocketMaker(interface, address.port ?? port, backlog: backlog, shared)
            sockets.append(try OpenedListeningSocket(next))
        }
        openPorts(sockets, makeFactory)
        return address
    }
}
