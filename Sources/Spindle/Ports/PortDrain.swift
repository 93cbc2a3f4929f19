/// The connections that were open, or waited to be accepted, when their port was told to stop and to wait for them.
///
/// It takes the port's place as their observer: those that are accepted later are none of its business.
final class PortDrain {
    private let port: ListeningPort
    private var count = 0
    /// Each who asks has an answer of their own, to cancel or to chain to.
    private var answers: [Deferred<Void>] = []
    private var limit: DelayedCall?

    init(_ port: ListeningPort) { self.port = port }

    /// Takes over what is open, and aborts it when `limit` is over. Fires when it is gone.
    ///
    /// - Parameter arrivals: how many connections are still to be opened that have this for an observer.
    func begin(_ limit: Duration, expecting arrivals: Int) -> Deferred<Void> {
        count += arrivals
        for transport in port.reactor.open.connections.all where transport.observer === port {
            transport.observer = self
            count += 1
        }
        try? self.limit?.cancel()
        self.limit = port.reactor.callLater(limit) { [self] in
            for transport in port.reactor.open.connections.all where transport.observer === self {
                transport.abortConnection()
            }
        }
        let answer = Deferred<Void>()
        answers.append(answer)
        return answer
    }

    /// Whether none is left. Asked when one has gone: the last may have been on its way out already when it all began.
    var isDone: Bool { count == 0 }

    func finish() {
        try? limit.take()?.cancel()
        for answer in answers { try? answer.callback(()) }
    }
}

extension PortDrain: ConnectionObserver {
    /// Counted already: it was expected.
    func connectionOpened(_ transport: Transport) { port.connectionOpened(transport) }

    func connectionFailed() {
        count -= 1
        port.endDrainIfDone()
    }

    func connectionEnded(_ reason: any Error, wasStarted: Bool) {
        count -= 1
        port.connectionEnded(reason, wasStarted: wasStarted)
    }
}
