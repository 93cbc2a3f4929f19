extension Reactor {
    /// As ``connectTCP(_:_:_:timeout:bindAddress:options:)``, with a filter for each connection.
    ///
    /// - Parameters:
    ///   - precondition: called when an attempt begins; what it throws is what comes of the attempt.
    ///   - makeFilter: called for each connection.
    package func connectTCP(
        _ host: String, _ port: Int, _ factory: ClientFactory, timeout: Duration?, bindAddress: SocketAddress?,
        options: [SocketOption], precondition: @escaping () throws -> Void, makeFilter: @escaping () -> any StreamFilter
    ) -> Connector {
        var plan = ConnectPlan(tcp: host, port, timeout: timeout, bindAddress: bindAddress, options: options)
        plan.precondition = precondition
        plan.makeFilter = makeFilter
        return plan.startConnector(on: self, factory)
    }
}
