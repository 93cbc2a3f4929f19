/// How a TCP port listens; every setting has a default that suits a server.
///
/// ```swift
/// var options = ListenOptions()
/// options.reusePort = true
/// try reactor.listenTCP(8000, factory, options: options)
/// ```
public struct ListenOptions: Sendable, Hashable {
    /// Whether the port may be taken while old connections of it are still dying away (SO_REUSEADDR).
    public var reuseAddress = true

    /// Whether several sockets may listen on the port, the kernel sharing connections out among them (SO_REUSEPORT).
    public var reusePort = false

    /// Whether a port on the IPv6 wildcard takes IPv4 connections, too; nil leaves it to the system.
    public var dualStack: Bool?

    /// Has the kernel hold a new connection back until its first bytes have come, for this long at
    /// most, in whole seconds. Never for a protocol in which the server speaks first.
    public var deferAccept: Duration?

    /// Options of the accepted connections.
    public var connections: [SocketOption] = [.noDelay(true)]

    public init() {}
}
