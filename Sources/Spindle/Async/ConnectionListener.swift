/// A port whose connections are taken one by one, by asynchronous code.
///
/// ```swift
/// reactor.spawn {
///     let listener = try await TCP4ServerEndpoint(reactor, 8000).listen()
///     for try await connection in listener.connections {
///         reactor.spawn {
///             for try await chunk in connection.bytes { try await connection.write(chunk) }
///         }
///     }
/// }
/// ```
///
/// When the last reference to it goes it stops listening, and closes the connections that nobody has taken.
public final class ConnectionListener {
    /// The port: its address, and ``ListeningPort/stopListening()``.
    public let port: ListeningPort
    private let factory: ConnectionFactory

    init(_ port: ListeningPort, _ factory: ConnectionFactory) {
        self.port = port
        self.factory = factory
        factory.port = port
    }

    deinit {
        // Nobody is left to take those who wait.
        port.stop(serving: [], port)
        factory.dropWaiting()
    }

    /// The connections that come in, in order.
    ///
    /// The sequence ends when the port stops listening, as it does when the reactor stops. Connections that wait to be taken are accepted and have not been
    /// read from; when there are as many as was said in `listen`, accepting pauses, and those who come stay in the kernel's
    /// queue. So a loop that waits, for one of its connections to end or for anything else, holds its peers back.
    ///
    /// A task that is cancelled gets ``CancelledError``, and a second one at the same time ``AlreadyReadingError``.
    public var connections: Connections { Connections(listener: self) }

    /// The connections that come in: ``ConnectionListener/connections``.
    public struct Connections: AsyncSequence {
        public typealias Element = Connection
        public typealias Failure = any Error

        let listener: ConnectionListener

        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(listener: listener) }

        public struct AsyncIterator: AsyncIteratorProtocol {
            let listener: ConnectionListener

            public mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> Connection? {
                try await listener.factory.take(home: listener.port.reactor.handle, isolation: actor)
            }
        }
    }
}

@available(*, unavailable)
extension ConnectionListener: Sendable {}
