public import Spindle

extension Connection {
    /// Speaks TLS from here on, in mid-connection, and returns when the handshake is over.
    ///
    /// ```swift
    /// try await connection.write("STARTTLS\r\n")
    /// guard try await lines.next() == "go ahead" else { return }
    /// try await connection.startTLS(.client(), serverName: "example.com")
    /// ```
    ///
    /// Bytes that have been received and that nobody has read fail the connection: an attacker may have put them there (L4).
    ///
    /// - Parameters:
    ///   - serverName: for a client, the name or the IP address that the server's certificate has to be for.
    ///   - asServer: which side of TLS to take; that of the configuration if nil.
    /// - Throws: ``TLSHandshakeError``, with which the connection ends, or what else ends it meanwhile;
    ///   ``TLSConfigurationError``, and ``CannotStartTLSError`` if there is TLS already, or no connection.
    public func startTLS(
        _ configuration: TLSConfiguration, serverName: String? = nil, asServer: Bool? = nil,
        isolation: isolated (any Actor)? = #isolation
    ) async throws {
        try await transport.startTLS(configuration, serverName: serverName, asServer: asServer)
            .value(isolation: isolation)
    }
}
