extension Reactor {
    /// Makes one connection for an endpoint; the factory is in use for as long as that takes (F1, E1).
    func connect(_ plan: ConnectPlan, _ factory: Factory) -> Deferred<Protocol> {
        requireThread()
        weak var current: ConnectAttempt?
        let connected = Deferred<Protocol> { deferred in
            current?.cancel()
            try? deferred.errback(ConnectingCancelledError(destination: plan.destination))
            factory.endUse()
        }
        let attempt = ConnectAttempt(self, plan, factory) { result in
            // First, so that a factory that cancels in stopFactory comes too late.
            try? connected.fire(result)
            factory.endUse()
        }
        current = attempt
        factory.beginUse()
        attempt.start()
        return connected
    }
}
