extension StreamClientEndpoint {
    /// Connects one protocol that is there already; no factory needed.
    ///
    /// ```swift
    /// reactor.spawn {
    ///     let greeter = try await HostnameEndpoint(reactor, "example.com", 80).connectProtocol(Greeter()).value()
    ///     greeter.greet()
    /// }
    /// ```
    ///
    /// The Deferred fires with `newProtocol` after its `connectionMade` has returned; cancelling it stops the
    /// attempt (E1).
    @discardableResult
    public func connectProtocol<NewProtocol: Protocol>(
        _ newProtocol: NewProtocol, fileID: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<NewProtocol> {
        // Handed out once: the protocol will hold the factory, which must not hold it.
        var next: NewProtocol? = newProtocol
        return connect(Factory { next.take() }).addCallback({ _ in newProtocol }, fileID: fileID, line: line)
    }
}
