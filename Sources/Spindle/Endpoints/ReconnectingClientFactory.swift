import Logging

/// A ``ClientFactory`` whose connections are made again when they fail or are lost, after delays that grow.
///
/// ```swift
/// final class FeedFactory: ReconnectingClientFactory {
///     override func buildProtocol(_ address: SocketAddress) -> Protocol? {
///         resetDelay()
///         return Feed()
///     }
/// }
/// reactor.connectTCP("feed.example.com", 7000, FeedFactory())
/// ```
///
/// Call ``resetDelay()`` when a connection has proved good, or the delays go on growing. It does not retry while
/// the reactor stops. An override of ``clientConnectionFailed(_:_:)`` or ``clientConnectionLost(_:_:)`` calls
/// `super`, or ``retry(_:)``. For endpoints there is ``ClientService``, which needs no factory of its own.
open class ReconnectingClientFactory: ClientFactory {
    /// The delay before the first retry.
    public final var initialDelay: Duration = .seconds(1)

    /// What no delay exceeds.
    public final var maxDelay: Duration = .seconds(3600)

    /// How many times longer each delay is than the one before. Twisted's, as the next.
    public final var factor = 2.7182818284590451

    /// How much of each delay is left to chance; see ``BackoffPolicy/jitter``.
    public final var jitter = 0.119626565582

    /// After how many retries in a row to give up; nil for never.
    public final var maxRetries: Int?

    /// How many retries there were since the last ``resetDelay()``.
    public private(set) final var retries = 0

    /// Whether a connection that fails or is lost is made again.
    public final var continueTrying = true

    /// The connectors heard of. They live as long as something may come of them, and hold this factory.
    private var clients: [Client] = []

    private final class Client {
        weak var connector: Connector?
        /// What waits for its time.
        var retry: DelayedCall?
        init(_ connector: Connector) { self.connector = connector }
    }

    open override func startedConnecting(_ connector: Connector) { _ = client(connector) }

    open override func clientConnectionFailed(_ connector: Connector, _ reason: any Error) { retry(connector) }

    open override func clientConnectionLost(_ connector: Connector, _ reason: any Error) { retry(connector) }

    /// Has `connector` connect again when the next delay is over.
    ///
    /// Does nothing after ``stopTrying()``, while the reactor stops, and when ``maxRetries`` have been made.
    public final func retry(_ connector: Connector) {
        let reactor = connector.reactor
        guard continueTrying, !reactor.isClosing else { return }
        guard retries < maxRetries ?? .max else {
            reactor.logger.info("giving up on \(connector.destination) after \(retries) retries")
            return
        }
        retries += 1
        let policy = BackoffPolicy(initialDelay: initialDelay, maxDelay: maxDelay, factor: factor, jitter: jitter)
        let delay = policy.delay(afterFailures: retries)
        reactor.logger.debug("retrying \(connector.destination) in \(delay)")
        let client = client(connector)
        try? client.retry.take()?.cancel()
        client.retry = reactor.callLater(delay) { [weak client] in
            client?.retry = nil
            // Busy if somebody else had it connect meanwhile, which is as good.
            try? connector.connect()
        }
    }

    /// The next delay is the first again, and retries count from none; after ``stopTrying()``, tries again from here on.
    public final func resetDelay() {
        retries = 0
        continueTrying = true
    }

    /// Calls off the retries that wait and the attempts under way. Connections that are open live on, and are
    /// not made again when they are lost.
    public final func stopTrying() {
        continueTrying = false
        for client in clients {
            try? client.retry.take()?.cancel()
            try? client.connector?.stopConnecting()
        }
    }

    private func client(_ connector: Connector) -> Client {
        if let known = clients.first(where: { $0.connector === connector }) { return known }
        clients.removeAll { $0.connector == nil }
        let client = Client(connector)
        clients.append(client)
        return client
    }
}
