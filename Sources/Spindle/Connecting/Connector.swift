/// Makes a connection for a ``ClientFactory``, and another one when told to.
///
/// Made by ``Reactor/connectTCP(_:_:_:timeout:bindAddress:options:)`` and its relatives, and handed to
/// each callback of the factory:
///
/// ```swift
/// final class Stubborn: ClientFactory {
///     override func clientConnectionLost(_ connector: Connector, _ reason: any Error) { try? connector.connect() }
/// }
/// ```
public final class Connector {
    public enum State: Hashable, Sendable {
        case disconnected, connecting, connected
    }

    public let reactor: Reactor
    public let factory: ClientFactory
    public private(set) var state = State.disconnected

    private let plan: ConnectPlan
    /// Weak: the reactor has it while it is under way, and it has this connector.
    private weak var attempt: ConnectAttempt?
    private weak var transport: Transport?
    private var isUsingFactory = false
    private var wasToldToStop = false

    init(_ reactor: Reactor, _ plan: ConnectPlan, _ factory: ClientFactory) {
        self.reactor = reactor
        self.plan = plan
        self.factory = factory
    }

    /// Where it connects to.
    public var destination: ConnectDestination { plan.destination }

    /// Begins to connect; may be called again when that has failed or the connection was lost, also from
    /// inside ``ClientFactory/clientConnectionLost(_:_:)`` and ``ClientFactory/clientConnectionFailed(_:_:)`` (F5).
    ///
    /// The factory's `startedConnecting` is called before this returns; all else comes in a later pass.
    ///
    /// - Throws: ``ConnectorBusy`` while connecting or connected.
    public func connect() throws(ConnectorBusy) {
        reactor.requireThread()
        guard state == .disconnected else { throw ConnectorBusy() }
        state = .connecting
        if !isUsingFactory {
            isUsingFactory = true
            factory.beginUse()
        }
        factory.startedConnecting(self)
        // The factory may have thought better of it.
        guard state == .connecting, !wasToldToStop else { return }
        let attempt = ConnectAttempt(reactor, plan, factory, observer: self) { [self] result in
            // What connectionMade threw becomes the reason of the connection's end.
            if case .failure(let error) = result, state == .connecting { failed(error) }
        }
        self.attempt = attempt
        attempt.start()
    }

    /// Calls the attempt off: the factory's `clientConnectionFailed` gets ``UserError``, in the next pass.
    ///
    /// - Throws: ``NotConnectingError`` unless connecting.
    public func stopConnecting() throws(NotConnectingError) {
        reactor.requireThread()
        guard state == .connecting, !wasToldToStop else { throw NotConnectingError() }
        wasToldToStop = true
        attempt?.cancel()
        reactor.inNextPass { [self] in failed(UserError()) }
    }

    /// Stops connecting, or closes the connection as ``Transport/loseConnection()`` does.
    public func disconnect() {
        reactor.requireThread()
        switch state {
        case .connecting: try? stopConnecting()
        case .connected: transport?.loseConnection()
        case .disconnected: break
        }
    }

    private func failed(_ error: any Error) {
        attempt = nil
        wasToldToStop = false
        state = .disconnected
        factory.clientConnectionFailed(self, error)
        releaseFactory()
    }

    /// The factory is in use until nothing will come of it any more: it may have connected again.
    private func releaseFactory() {
        guard state == .disconnected, isUsingFactory else { return }
        isUsingFactory = false
        factory.endUse()
    }
}

extension Connector: ConnectionObserver {
    package func connectionStarted(_ transport: Transport) {
        attempt = nil
        self.transport = transport
        state = .connected
    }

    package func connectionEnded(_ reason: any Error, wasStarted: Bool) {
        // Of one that never had a protocol the attempt tells.
        guard wasStarted else { return }
        transport = nil
        state = .disconnected
        factory.clientConnectionLost(self, reason)
        releaseFactory()
    }
}

/// A connector was told to connect while it is connecting or connected.
public struct ConnectorBusy: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "the connector is connecting or connected already" }
}

/// A connector was told to stop connecting when it was not connecting.
public struct NotConnectingError: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "the connector is not connecting" }
}

@available(*, unavailable)
extension Connector: Sendable {}
