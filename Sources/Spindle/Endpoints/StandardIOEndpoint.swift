import Logging

/// Runs a protocol on the program's standard input and output, as if a peer had connected by them.
///
/// ```swift
/// StandardIOEndpoint(reactor).connect(Factory { Shell() })
/// ```
///
/// Pipes, terminals, files, and the socket that inetd hands over all work. The rules are those of
/// any connection: end of input is the peer's end (see ``HalfCloseProtocol``), and at the connection's end, or after
/// ``Transport/loseWriteConnection()``, readers of the output see its end. From then on, what the program prints
/// goes nowhere. Whether reading waits is not changed for others who have the same terminal open.
public struct StandardIOEndpoint: StreamClientEndpoint, StreamServerEndpoint {
    private let reactor: Reactor
    private let input: CInt
    private let output: CInt

    /// - Parameters:
    ///   - input: where to read, by default standard input.
    ///   - output: where to write, by default standard output.
    public init(_ reactor: Reactor, input: CInt = 0, output: CInt = 1) {
        self.reactor = reactor
        self.input = input
        self.output = output
    }

    /// Serves the one connection that there is.
    ///
    /// Fails with ``CannotAdoptError`` if one of the descriptors is not open, and with ``ReactorNotRunning`` while the
    /// reactor stops.
    @discardableResult
    public func connect(_ factory: Factory) -> Deferred<Protocol> {
        reactor.requireThread()
        let connected = Deferred<Protocol>()
        do {
            // It would begin when all others have been told to close.
            try reactor.requireOpen()
            let connection = try AdoptedConnection(reactor, input, output, factory)
            reactor.inNextPass {
                guard !connected.hasFired else { return }
                connection.begin { try? connected.fire($0) }
            }
        } catch {
            try? connected.errback(error)
        }
        return connected
    }

    /// As ``connect(_:)``, but fires at once, as listening does elsewhere. The port listens no more, there being no other
    /// connection to come, and has the address of what has none, as both ends of the connection do.
    @discardableResult
    public func listen(_ factory: Factory) -> Deferred<ListeningPort> {
        let port = ListeningPort(reactor, ServedOnce(), factory, address: .unnamed)
        let connected = connect(factory)
        if connected.hasFired { return connected.addCallback { _ in port } }
        connected.addErrback { [logger = reactor.logger] error -> Void in
            logger.debug("standard input and output are not served: \(error)")
        }
        return Deferred(.success(port))
    }
}

/// Stands for a port that cannot listen again.
private final class ServedOnce: ListeningSocketMaker {
    let isShared = true

    func make() throws(CannotListenError) -> Socket {
        throw CannotListenError(.descriptor(0), "standard input and output serve one connection")
    }

    func dispose(of socket: Socket) { socket.close() }
}
