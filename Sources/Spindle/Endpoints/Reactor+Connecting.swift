extension Reactor {
    /// Makes one connection for an endpoint; the factory is in use for as long as that takes (F1, E1).
    func connect(_ plan: ConnectPlan, _ factory: Factory) -> Deferred<Protocol> {
        requireThread()
        weak var current: ConnectAttempt?
        let connected = Deferred<Protocol> { deferred in
            current?.cancel()
            factory.endUse()
            try? deferred.errback(ConnectingCancelledError(destination: plan.destination))
        }
        let attempt = ConnectAttempt(self, plan, factory) { result in
            factory.endUse()
            try? connected.fire(result)
        }
        current = attempt
        factory.beginUse()
        attempt.start()
        return connected
    }
}
