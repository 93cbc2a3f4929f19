extension ReactorGroup {
    /// Listens on a UNIX socket that all reactors serve, each with a factory of its own.
    ///
    /// ```swift
    /// try group.listenUNIX("/run/app/app.sock", mode: 0o660, lock: true) { reactor in EchoFactory() }
    /// ```
    ///
    /// The thread of ``run()`` accepts and hands each connection to the reactor that has the fewest: see
    /// ``Sharing/acceptor``. The kernel shares no UNIX sockets out. For the parameters see
    /// ``Reactor/listenUNIX(_:_:backlog:mode:lock:)``.
    ///
    /// - Parameter makeFactory: called once for each reactor, on its thread.
    /// - Returns: where it listens.
    /// - Throws: ``CannotListenError`` naming path and reason.
    @discardableResult
    public func listenUNIX(
        _ path: String, backlog: Int? = nil, mode: Int = 0o666, lock: Bool = false,
        _ makeFactory: @escaping @Sendable (Reactor) -> Factory
    ) throws -> SocketAddress {
        try deal(ListenPlan.unix(path: path, backlog: backlog, mode: mode, usesLock: lock).open(), makeFactory)
    }
}
