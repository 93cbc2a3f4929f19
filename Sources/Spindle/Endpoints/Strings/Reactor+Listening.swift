extension Reactor {
    /// Listens where a string says, at once, and serves each connection with a protocol that `factory` builds (E2).
    ///
    /// ```swift
    /// let port = try reactor.listen("tcp:8000:interface=127.0.0.1", EchoFactory())
    /// ```
    ///
    /// What is wrong with the string, or with the place that it names, is thrown here; by ``serverFromString(_:_:)`` it would come to a
    /// Deferred, to which nobody may be listening.
    ///
    /// - Parameter description: as for ``serverFromString(_:_:)``.
    /// - Throws: ``EndpointStringError``; ``CannotListenError`` with the place and the reason; ``EndpointNotSynchronous`` if
    ///   somebody's own kind of endpoint has not begun to listen when its `listen` returns: that is called off.
    @discardableResult
    public func listen(_ description: String, _ factory: Factory) throws -> ListeningPort {
        let listening = try serverFromString(self, description).listen(factory)
        guard listening.hasFired else {
            // It may come to a port nevertheless.
            listening.addBoth { if case .success(let port) = $0 { port.stopListening() } }
            listening.cancel()
            throw EndpointNotSynchronous(description: description)
        }
        var outcome: Result<ListeningPort, any Error>?
        listening.addBoth { outcome = $0 }
        guard let outcome else { throw EndpointNotSynchronous(description: description) }
        return try outcome.get()
    }
}

/// An endpoint takes its time to listen: use ``serverFromString(_:_:)``, whose `listen` returns a Deferred.
public struct EndpointNotSynchronous: Error, Hashable, Sendable, CustomStringConvertible {
    private let endpoint: String

    init(description: String) { endpoint = description }

    public var description: String {
        "'\(endpoint)' does not listen at once: use serverFromString, and wait for its Deferred"
    }
}
