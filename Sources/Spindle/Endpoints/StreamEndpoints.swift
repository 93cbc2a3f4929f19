/// A place to listen: the same code serves TCP, UNIX sockets or anything else that has one of these.
public protocol StreamServerEndpoint {
    /// Begins to listen, with `factory` building a protocol for each connection (E1).
    @discardableResult
    func listen(_ factory: Factory) -> Deferred<ListeningPort>
}

/// A place to connect to.
public protocol StreamClientEndpoint {
    /// Connects one protocol built by `factory`.
    ///
    /// The Deferred fires with it after its `connectionMade` has returned; cancelling it stops the
    /// attempt (E1).
    @discardableResult
    func connect(_ factory: Factory) -> Deferred<Protocol>
}
