/// Where a connection is to go: an address, or a name that has to be looked up first.
public enum ConnectDestination: Hashable, Sendable, CustomStringConvertible {
    case address(SocketAddress)
    case name(String, port: Int)

    /// A numeric host becomes an address, with its scope; anything else is taken for a name.
    init(host: String, port: Int) {
        self = (try? SocketAddress(host, port: port)).map { .address($0) } ?? .name(host, port: port)
    }

    /// `127.0.0.1:80`, `unix:/run/app.sock` or `example.com:80`.
    public var description: String {
        switch self {
        case .address(let address): address.description
        case .name(let name, let port): "\(name):\(port)"
        }
    }
}
