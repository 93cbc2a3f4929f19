/// Where a connection has its protocol from.
package enum ProtocolSource {
    /// Built when the connection is ready for one.
    case factory(Factory)
    /// There already.
    case ready(Protocol)

    func make(for peer: SocketAddress) -> Protocol? {
        switch self {
        case .factory(let factory): factory.makeProtocol(for: peer)
        case .ready(let made): made
        }
    }
}
