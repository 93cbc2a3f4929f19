extension ConnectPlan {
    /// Connecting to a TCP port of a host: a name, or a numeric address.
    ///
    /// - Parameter families: the preferred one first.
    init(
        tcp host: String, _ port: Int, families: [SocketAddress.Family] = [.ipv6, .ipv4], timeout: Duration?,
        bindAddress: SocketAddress?, options: [SocketOption]
    ) {
        self.init(
            destination: ConnectDestination(host: host, port: port), families: families, localAddress: bindAddress,
            options: options, timeout: timeout)
    }
}
