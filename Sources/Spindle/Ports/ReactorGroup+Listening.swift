extension ReactorGroup {
    /// How the connections to one port are shared out among the reactors.
    public enum Sharing: Sendable {
        /// Every reactor listens on the port, and the kernel chooses by the addresses of both ends (SO_REUSEPORT).
        ///
        /// The cheapest, and even enough with many connections. With few, some reactors may have most of them.
        case kernel
        /// One listening socket: the thread of ``ReactorGroup/run()`` accepts, and hands each connection to the reactor
        /// that has the fewest at that port.
        ///
        /// Always even. It costs two wake-ups for each connection, and nothing after that.
        case acceptor
    }

    /// Accepts connections on a listening stream socket that somebody else has opened, and hands them out in turn.
    ///
    /// See ``Reactor/adoptStreamPort(_:_:)`` for what becomes of the descriptor, and ``Sharing/acceptor``.
    ///
    /// - Parameter makeFactory: called once for each reactor, on its thread.
    /// - Returns: where it listens.
    /// - Throws: ``CannotListenError`` if the descriptor is no stream socket, or does not listen.
    @discardableResult
    public func adoptStreamPort(
        _ descriptor: CInt, _ makeFactory: @escaping @Sendable (Reactor) -> Factory
    ) throws -> SocketAddress {
        try deal(ListenPlan.descriptor(descriptor).open(), makeFactory)
    }

    /// Has every reactor listen for itself, on an endpoint of its own.
    ///
    /// ```swift
    /// group.listen { reactor in
    ///     var shared = ListenOptions()
    ///     shared.reusePort = true
    ///     return TCP6ServerEndpoint(reactor, 8000, options: shared).listen(EchoFactory())
    /// }
    /// ```
    ///
    /// For endpoints of which there can be several at one place. `body` is called on each reactor's thread when
    /// the group runs. If one of them fails the group ends, and ``run()`` throws the error.
    public func listen(_ body: @escaping @Sendable (Reactor) throws -> Deferred<ListeningPort>) {
        onEach { [weak self] _, reactor in
            try body(reactor).addErrback { error -> ListeningPort in
                if !(error is ReactorNotRunning) { self?.fail(error) }
                throw CancelledError()
            }
        }
    }

    /// Accepts on one socket, and deals the connections out.
    func deal(
        _ socket: sending OpenedListeningSocket, _ makeFactory: @escaping @Sendable (Reactor) -> Factory
    ) throws -> SocketAddress {
        let (address, descriptor) = (socket.address, socket.descriptor)
        let seats = handles.map(ConnectionSeat.init)
        // Each port holds the socket, too: that is where it has its address and its descriptor from.
        let copies = try seats.map { _ in try AdoptedListeningSocketMaker(descriptor) }
        openPorts(copies, at: seats, makeFactory)
        // After those: each seat is there when it is dealt to.
        front.callFromThread { [weak self] front in
            let port = ListeningPort(front, socket, Factory())
            port.dealer = ConnectionDealer(seats)
            self?.endingOnError(port.startListening)
        }
        return address
    }

    /// Opens a port on each reactor, with one of these sockets and maybe a seat.
    func openPorts(
        _ makers: sending [any ListeningSocketMaker], at seats: [ConnectionSeat] = [],
        _ makeFactory: @escaping @Sendable (Reactor) -> Factory
    ) {
        let makers = Lock(makers)
        onEach { index, reactor in
            guard let maker = makers.withLock({ $0.popLast() }) else { return }
            let port = ListeningPort(reactor, maker, makeFactory(reactor))
            if !seats.isEmpty { port.seat = seats[index] }
            try port.startListening()
        }
    }

    /// Calls `body` with each reactor and its number, on its thread.
    private func onEach(_ body: @escaping @Sendable (Int, Reactor) throws -> Void) {
        for (index, handle) in handles.enumerated() {
            handle.callFromThread { [weak self] reactor in self?.endingOnError { try body(index, reactor) } }
        }
    }

    /// An error ends the group, unless it is that the group is ending already.
    private func endingOnError(_ body: () throws -> Void) {
        do { try body() } catch is ReactorNotRunning {} catch { fail(error) }
    }
}
