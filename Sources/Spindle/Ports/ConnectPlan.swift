/// How to make a connection: everything but the factory. The same for each attempt of a connector.
struct ConnectPlan {
    var destination: ConnectDestination
    /// The kinds of address to try, the preferred one first.
    var families: [SocketAddress.Family] = [.ipv6, .ipv4]
    /// The address that this end is to have.
    var localAddress: SocketAddress?
    var options: [SocketOption] = [.noDelay(true)]
    /// What connecting may take, the look-up included; nil leaves it to the kernel.
    var timeout: Duration?
    /// What else has to hold, checked when the attempt begins.
    var precondition: () throws -> Void = {}
}
