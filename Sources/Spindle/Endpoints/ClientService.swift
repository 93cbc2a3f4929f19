import Logging

/// Keeps one connection to an endpoint: makes it, and makes it again whenever it fails or is lost (E4).
///
/// ```swift
/// let service = ClientService(reactor, HostnameEndpoint(reactor, "db.example.com", 5432), Factory { Session() })
/// service.startService()
/// reactor.spawn {
///     let session = try await service.whenConnected(as: Session.self).value()
///     …
///     try await service.stopService().value()
/// }
/// ```
///
/// Attempts follow each other as ``BackoffPolicy`` has it. A connection that is lost before it has lived
/// for ``stableTime`` counts as one more failure, so that a server which accepts and hangs up is not
/// hammered; one that has lived longer begins the count anew.
///
/// There is never more than one connection. A service that runs is kept alive by its reactor, and stops
/// with it: ``startService()`` starts it again.
public final class ClientService {
    public let reactor: Reactor
    public let endpoint: any StreamClientEndpoint
    public let factory: Factory

    /// How long to wait between attempts.
    public var retryPolicy: BackoffPolicy

    /// How long a connection has to live for the failures before it to be forgotten.
    public var stableTime: Duration

    private let prepareConnection: (Protocol) throws -> Deferred<Void>
    private var state = State.idle
    /// Failures in a row, connections that died young among them.
    private var failures = 0
    private var connectWaiters: [ConnectWaiter] = []
    private var stopWaiters: [Deferred<Void>] = []

    private enum State {
        /// Never started.
        case idle
        case connecting(ServedConnection)
        /// Between two attempts.
        case waiting(DelayedCall)
        case connected(ServedConnection, Protocol, since: MonotonicTime)
        /// Told to stop; the connection is closing.
        case disconnecting
        /// As disconnecting, and told to start again meanwhile.
        case restarting
        case stopped
    }

    private struct ConnectWaiter {
        let deferred: Deferred<Protocol>
        /// How many more failures it puts up with; nil for any number.
        var patience: Int?
    }

    /// - Parameters:
    ///   - factory: builds a protocol for each connection.
    ///   - stableTime: how long a connection has to live for the failures before it to be forgotten.
    ///   - prepareConnection: what has to be done on each new connection, logging in for example, before
    ///     ``whenConnected(failAfterFailures:)`` hands it out. If this throws, or its Deferred fails, the connection is closed,
    ///     and counts as an attempt that failed. `{ made in reactor.spawn { … } }` does it with `await`.
    public init(
        _ reactor: Reactor, _ endpoint: any StreamClientEndpoint, _ factory: Factory,
        retryPolicy: BackoffPolicy = BackoffPolicy(), stableTime: Duration = .seconds(10),
        prepareConnection: @escaping (Protocol) throws -> Deferred<Void> = { _ in Deferred(.success(())) }
    ) {
        self.reactor = reactor
        self.endpoint = endpoint
        self.factory = factory
        self.retryPolicy = retryPolicy
        self.stableTime = stableTime
        self.prepareConnection = prepareConnection
    }

    /// Whether it keeps a connection, or tries to: started, and not stopped since.
    public var isRunning: Bool {
        switch state {
        case .connecting, .connected, .restarting: true
        // What waited when the reactor stopped waits for nothing any more.
        case .waiting(let retry): retry.isActive
        case .idle, .disconnecting, .stopped: false
        }
    }

    // MARK: - Starting and stopping

    /// Begins to connect; after ``stopService()``, when the old connection is gone. Logs a warning if it is running.
    public func startService() {
        reactor.requireThread()
        guard !isRunning else { return reactor.logger.warning("startService() on a ClientService that is running") }
        failures = 0
        if case .disconnecting = state { state = .restarting } else { connect() }
    }

    /// Makes no more attempts, calls off the one under way, and closes the connection as `loseConnection()` does.
    ///
    /// The Deferred fires when nothing is left. What waits in ``whenConnected(failAfterFailures:)`` fails then
    /// with ``CancelledError``.
    @discardableResult
    public func stopService() -> Deferred<Void> {
        reactor.requireThread()
        let stopped = Deferred<Void>()
        stopWaiters.append(stopped)
        switch state {
        case .idle, .stopped: finishStopping()
        case .waiting(let retry):
            try? retry.cancel()
            finishStopping()
        case .connecting(let connection), .connected(let connection, _, _):
            state = .disconnecting
            connection.close()
        case .disconnecting, .restarting: state = .disconnecting
        }
        return stopped
    }

    // MARK: - Waiting for a connection

    /// The protocol that is connected, at once, or the next that will be.
    ///
    /// Fails with ``CancelledError`` if the service is stopped, before or meanwhile.
    ///
    /// - Parameter failAfterFailures: fail with the last error when this many attempts in a row have failed from
    ///   now on, 1 for the very next; nil waits for as long as it takes.
    public func whenConnected(failAfterFailures: Int? = nil) -> Deferred<Protocol> {
        reactor.requireThread()
        switch state {
        case .connected(_, let connected, _): return Deferred(.success(connected))
        case .stopped: return Deferred(.failure(CancelledError()))
        case .idle, .connecting, .waiting, .disconnecting, .restarting: break
        }
        let deferred = Deferred<Protocol> { [weak self] cancelled in
            self?.connectWaiters.removeAll { $0.deferred === cancelled }
        }
        connectWaiters.append(ConnectWaiter(deferred: deferred, patience: failAfterFailures))
        return deferred
    }

    /// As ``whenConnected(failAfterFailures:)``, with the protocol as the type that the factory builds.
    ///
    /// ```swift
    /// let session = try await service.whenConnected(as: Session.self).value()
    /// ```
    ///
    /// Fails with ``WrongProtocolError`` if the protocol is not of that type. The connection is left as it is.
    public func whenConnected<Wanted: Protocol>(
        as type: Wanted.Type, failAfterFailures: Int? = nil, fileID: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<Wanted> {
        let cast = { (connected: Protocol) throws -> Wanted in
            guard let wanted = connected as? Wanted else { throw WrongProtocolError(wanted: type, built: connected) }
            return wanted
        }
        return whenConnected(failAfterFailures: failAfterFailures).addCallback(cast, fileID: fileID, line: line)
    }

    private func endWaiting(_ result: Result<Protocol, any Error>) {
        let waiters = connectWaiters
        connectWaiters = []
        for waiter in waiters { try? waiter.deferred.fire(result) }
    }

    private func loseWaiters(_ error: any Error) {
        for place in connectWaiters.indices { connectWaiters[place].patience? -= 1 }
        let losers = connectWaiters.filter { $0.patience.map { $0 <= 0 } ?? false }
        connectWaiters.removeAll { waiter in losers.contains { $0.deferred === waiter.deferred } }
        for loser in losers { try? loser.deferred.errback(error) }
    }

    // MARK: - What happens

    // Each of these changes the state first and then tells of it: who is told may start and stop the service.

    private func connect() {
        let connection = ServedConnection(reactor) { [self] in
            connected($0)
        } onEnded: { [self] in
            ended($0)
        }
        state = .connecting(connection)
        connection.start(endpoint, factory, prepareConnection)
    }

    private func connected(_ made: Protocol) {
        guard case .connecting(let connection) = state else { return }
        state = .connected(connection, made, since: reactor.now)
        endWaiting(.success(made))
    }

    /// The attempt has failed, or the connection is gone.
    private func ended(_ reason: any Error) {
        switch state {
        case .connecting:
            failures += 1
            wait()
            loseWaiters(reason)
        case .connected(_, _, let since):
            failures = reactor.now >= since.advanced(by: stableTime) ? 1 : failures + 1
            wait()
        case .disconnecting: finishStopping()
        case .restarting:
            // Connecting may run code that asks to be told of the next stop.
            let waiters = stopWaiters
            stopWaiters = []
            connect()
            for waiter in waiters { try? waiter.callback(()) }
        case .idle, .waiting, .stopped: break
        }
    }

    private func wait() {
        if reactor.isClosing { return finishStopping() }
        let delay = retryPolicy.delay(afterFailures: failures)
        reactor.logger.debug("connecting again in \(delay), after \(failures) failures")
        state = .waiting(reactor.callLater(delay) { [self] in connect() })
    }

    private func finishStopping() {
        state = .stopped
        endWaiting(.failure(CancelledError()))
        tellStopped()
    }

    private func tellStopped() {
        let waiters = stopWaiters
        stopWaiters = []
        for waiter in waiters { try? waiter.callback(()) }
    }
}

@available(*, unavailable)
extension ClientService: Sendable {}
