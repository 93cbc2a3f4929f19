@_spi(Carriers) public import Spindle

extension Transport {
    /// What was agreed on with the peer; nil without TLS, before the handshake is over, and after the connection's end.
    public final var tls: TLSSessionInfo? {
        reactor.requireThread()
        return ((self as? StreamTransport)?.filter as? TLSFilter)?.session
    }

    /// Speaks TLS from here on, in mid-connection: STARTTLS.
    ///
    /// ```swift
    /// override func lineReceived(_ line: RawSpan) throws {
    ///     guard line.elementsEqual("STARTTLS") else { return }
    ///     sendLine("go ahead")
    ///     try transport.startTLS(configuration)
    /// }
    /// ```
    ///
    /// What was written before leaves in clear; what is written from now on waits for the handshake, and nothing of it
    /// leaves in clear. Protocol and transport stay what they are. Bytes that had been received by now and that nobody has used
    /// fail the connection, because they are not protected: an attacker may have put them there, for them to be taken for
    /// something that came over TLS (L4).
    ///
    /// - Parameters:
    ///   - serverName: for a client, the name or the IP address that the server's certificate has to be for.
    ///   - asServer: which side of TLS to take; that of the configuration if nil.
    ///   - rest: bytes that were received and are TLS already, for protocols in which the peer does not wait for an answer.
    /// - Returns: fires when the handshake is over. When it fails, so does this, and the connection ends with the same
    ///   ``TLSHandshakeError``.
    /// - Throws: ``TLSConfigurationError``, and ``CannotStartTLSError`` if there is TLS already, or no connection.
    @discardableResult
    public final func startTLS(
        _ configuration: TLSConfiguration, serverName: String? = nil, asServer: Bool? = nil,
        handingOver rest: RawSpan = RawSpan()
    ) throws -> Deferred<Void> {
        reactor.requireThread()
        guard let stream = self as? StreamTransport, stream.isConnected, !stream.isDisconnecting else {
            throw CannotStartTLSError(.notConnected)
        }
        guard stream.filter == nil else { throw CannotStartTLSError(.already) }
        guard !stream.isSharedWithC else { throw CannotStartTLSError(.shared) }
        let isServer = asServer ?? configuration.isServer
        let plan =
            isServer
            ? try TLSFilter.Plan(server: configuration)
            : try TLSFilter.Plan(client: configuration, serverName)
        let started = Deferred<Void>()
        let filter = TLSFilter(plan, started: started, refusesUnusedBytes: stream.hasUndelivered)
        stream.insert(filter, handingOver: rest)
        return started
    }
}
