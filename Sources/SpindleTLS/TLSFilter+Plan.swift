import Spindle

extension TLSFilter.Plan {
    /// For servers.
    init(server configuration: TLSConfiguration) throws(TLSConfigurationError) {
        context = try configuration.context(asServer: true)
        isServer = true
        serverName = nil
        timeout = configuration.handshakeTimeout
    }

    /// For clients.
    ///
    /// - Parameter name: whom they want to reach.
    init(client configuration: TLSConfiguration, _ name: String?) throws(TLSConfigurationError) {
        context = try configuration.context(asServer: false)
        isServer = false
        serverName = name.flatMap(ServerName.init)
        timeout = configuration.handshakeTimeout
        // A certificate that is good for just any name proves nothing.
        if serverName == nil, !context.acceptsAnyCertificate {
            throw TLSConfigurationError("serverName", .noServerName)
        }
    }
}
