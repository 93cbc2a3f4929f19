extension ConnectPlan {
    /// Makes one connection for an endpoint; the factory is in use for as long as that takes (F1, E1).
    func connect(on reactor: Reactor, _ factory: Factory) -> Deferred<Protocol> {
        reactor.requireThread()
        weak var current: ConnectAttempt?
        let connected = Deferred<Protocol> { deferred in
            current?.cancel()
            try? deferred.errback(ConnectingCancelledError(destination: destination))
            factory.endUse()
        }
        let attempt = ConnectAttempt(reactor, self, factory) { result in
            // First, so that a factory that cancels in stopFactory comes too late.
            try? connected.fire(result)
            factory.endUse()
        }
        current = attempt
        factory.beginUse()
        attempt.start()
        return connected
    }

    /// Makes a connector, and has it begin its first connection.
    func startConnector(on reactor: Reactor, _ factory: ClientFactory) -> Connector {
        reactor.requireThread()
        let connector = Connector(reactor, self, factory)
        // Cannot be busy: it is new.
        try? connector.connect()
        return connector
    }
}
