public import Spindle

/// An endpoint that listens at another one's place, and speaks TLS there; see
/// ``wrapServerTLS(_:_:)``.
public struct TLSServerEndpoint: StreamServerEndpoint {
    let wrapped: any StreamServerEndpoint
    let configuration: TLSConfiguration

    /// Begins to listen. Fails with ``TLSConfigurationError`` if the configuration cannot be used.
    @discardableResult
    public func listen(_ factory: Factory) -> Deferred<ListeningPort> {
        do {
            let plan = try TLSFilter.Plan(server: configuration)
            return wrapped.listen(try factory.filtered { TLSFilter(plan) })
        } catch { return Deferred(.failure(error)) }
    }
}

/// An endpoint that connects to another one's place, and speaks TLS there; see
/// ``wrapClientTLS(_:_:serverName:)``.
public struct TLSClientEndpoint: StreamClientEndpoint {
    let wrapped: any StreamClientEndpoint
    let configuration: TLSConfiguration
    let serverName: String

    /// Connects one protocol built by `factory`, which hears of it when the handshake is over.
    ///
    /// Fails with ``TLSHandshakeError`` or ``TLSConfigurationError`` beside what the other endpoint fails with.
    @discardableResult
    public func connect(_ factory: Factory) -> Deferred<Protocol> {
        do {
            let plan = try TLSFilter.Plan(client: configuration, serverName)
            return wrapped.connect(try factory.filtered { TLSFilter(plan) })
        } catch { return Deferred(.failure(error)) }
    }
}

/// Has what listens at `endpoint` speak TLS: a port of TCP, a UNIX socket, or any other.
///
/// ```swift
/// wrapServerTLS(UNIXServerEndpoint(reactor, "/run/app.sock"), configuration).listen(EchoFactory())
/// ```
public func wrapServerTLS(
    _ endpoint: any StreamServerEndpoint, _ configuration: TLSConfiguration
) -> TLSServerEndpoint { TLSServerEndpoint(wrapped: endpoint, configuration: configuration) }

/// Has what connects to `endpoint` speak TLS.
///
/// ```swift
/// let endpoint = HostnameEndpoint(reactor, "example.com", 443)
/// wrapClientTLS(endpoint, try .client(), serverName: "example.com").connectProtocol(Greeter())
/// ```
///
/// - Parameter serverName: the name, or the IP address, that the server's certificate has to be for.
public func wrapClientTLS(
    _ endpoint: any StreamClientEndpoint, _ configuration: TLSConfiguration, serverName: String
) -> TLSClientEndpoint {
    TLSClientEndpoint(wrapped: endpoint, configuration: configuration, serverName: serverName)
}

extension Factory {
    /// - Throws: ``CannotStartTLSError`` if there is a filter already: that has to be the only one.
    fileprivate func filtered(_ makeFilter: @escaping () -> any StreamFilter) throws -> Factory {
        guard self.makeFilter == nil else { throw CannotStartTLSError(.already) }
        return FilteredFactory(self, makeFilter)
    }
}
