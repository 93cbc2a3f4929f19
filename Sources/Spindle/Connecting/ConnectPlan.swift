/// How to make a connection: everything but the factory. The same for each attempt of a connector.
struct ConnectPlan {
    let destination: ConnectDestination
    /// The kinds of address to try, the preferred one first.
    let families: [SocketAddress.Family]
    /// The address that this end is to have.
    var localAddress: SocketAddress?
    let options: [SocketOption]
    /// What connecting may take, the look-up included; nil leaves it to the kernel.
    let timeout: Duration?
    /// What else has to hold, checked when the attempt begins.
    var precondition: () throws -> Void = {}
    /// Makes what the bytes of the connection pass through.
    var makeFilter: (() -> any StreamFilter)?
}
