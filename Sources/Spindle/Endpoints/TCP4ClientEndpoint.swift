/// Connects to a numeric address. Names are not resolved yet.
///
/// ```swift
/// reactor.spawn {
///     let endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", 8000)
///     try await endpoint.connect(Factory { Greeter() }).value()
/// }
/// ```
public struct TCP4ClientEndpoint: StreamClientEndpoint {
    private let reactor: Reactor
    private let host: String
    private let port: Int
    private let timeout: Duration?

    /// - Parameters:
    ///   - host: a numeric address.
    ///   - timeout: how long connecting may take; nil leaves it to the kernel.
    public init(_ reactor: Reactor, _ host: String, _ port: Int, timeout: Duration? = .seconds(30)) {
        self.reactor = reactor
        self.host = host
        self.port = port
        self.timeout = timeout
    }

    @discardableResult
    public func connect(_ factory: Factory) -> Deferred<Protocol> {
        reactor.requireThread()
        do {
            let attempt = ConnectAttempt(reactor, try SocketAddress(host, port: port), factory, timeout: timeout)
            attempt.start()
            return attempt.connected
        } catch {
            // With a port that can be one, what is wrong is the host.
            let isName = UInt16(exactly: port) != nil
            return Deferred(
                .failure(
                    isName
                        ? DNSLookupError(
                            name: host, reason: "names are not resolved yet, and this is no numeric address") : error))
        }
    }
}
