extension StreamClientEndpoint {
    /// Connects, for asynchronous code.
    ///
    /// Cancelling the task stops the attempt (E1). The connection closes when it is dropped.
    ///
    /// - Throws: what ``StreamClientEndpoint/connect(_:)`` fails with.
    public func connect(isolation: isolated (any Actor)? = #isolation) async throws -> Connection {
        let connection = Connection()
        _ = try await connectProtocol(connection.stream).value(isolation: isolation)
        return connection
    }
}

extension StreamServerEndpoint {
    /// Begins to listen, for asynchronous code.
    ///
    /// - Parameter maxWaiting: with this many connections accepted and not taken, accepting pauses.
    /// - Throws: what ``StreamServerEndpoint/listen(_:)`` fails with.
    public func listen(
        maxWaiting: Int = 64, isolation: isolated (any Actor)? = #isolation
    ) async throws -> ConnectionListener {
        let factory = ConnectionFactory(limit: max(1, maxWaiting))
        return ConnectionListener(try await listen(factory).value(isolation: isolation), factory)
    }
}
