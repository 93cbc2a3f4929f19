/// What to listen on, and how: everything but the factory. The same for each port that an endpoint opens.
enum ListenPlan: Hashable {
    /// A TCP port of one interface, a numeric address; empty for all IPv4 interfaces.
    case tcp(port: Int, interface: String, backlog: Int?, options: ListenOptions)
    /// A UNIX socket's path or, with a zero byte in front, an abstract name.
    case unix(path: String, backlog: Int?, mode: Int, usesLock: Bool)
    /// A copy of a listening socket that somebody else has opened (F7).
    case descriptor(CInt)

    /// Opens a port that serves each connection with a protocol that `factory` builds (F2).
    func listen(on reactor: Reactor, _ factory: Factory) throws -> ListeningPort {
        reactor.requireThread()
        let port = ListeningPort(reactor, try maker(), factory)
        try port.startListening()
        return port
    }

    /// Opens the socket alone, for a port that begins to listen later.
    func open() throws -> OpenedListeningSocket { try OpenedListeningSocket(maker()) }

    /// A new one for each port, since it remembers what it has opened.
    private func maker() throws(CannotListenError) -> any ListeningSocketMaker {
        switch self {
        case .tcp(let port, let interface, let backlog, let options):
            try TCPListeningSocketMaker(interface, port, backlog: backlog, options)
        case .unix(let path, let backlog, let mode, let usesLock):
            try UNIXListeningSocketMaker(path, backlog: backlog, mode: mode, usesLock: usesLock)
        case .descriptor(let descriptor):
            try AdoptedListeningSocketMaker(descriptor)
        }
    }
}
