/// Makes the listening sockets of TCP ports.
final class TCPListeningSocketMaker: ListeningSocketMaker {
    let isShared = false
    private let interface: String
    private let backlog: Int?
    private let options: ListenOptions
    /// Where to listen: with the port that the kernel chose, once it has chosen one (F3).
    private var address: SocketAddress

    init(_ interface: String, _ port: Int, backlog: Int?, _ options: ListenOptions) throws(CannotListenError) {
        self.interface = interface
        self.backlog = backlog
        self.options = options
        do throws(InvalidAddressError) {
            address = try SocketAddress(interface.isEmpty ? "0.0.0.0" : interface, port: port)
        } catch {
            throw CannotListenError(.tcp(interface: interface, port: port), error.reason)
        }
    }

    func make() throws(CannotListenError) -> Socket {
        let socket: Socket
        do throws(SystemError) { socket = try .openStream(for: address) } catch {
            throw CannotListenError(place, error)
        }
        do throws(SystemError) { try setOptions(of: socket) } catch {
            socket.close()
            // Which of the options it was, the kernel's reason alone does not tell.
            throw CannotListenError(place, error.description, errno: error.errno)
        }
        do throws(SystemError) {
            try socket.bind(to: address)
            try socket.listen(backlog: backlog)
            address = try socket.localAddress()
        } catch {
            socket.close()
            throw CannotListenError(place, error)
        }
        return socket
    }

    /// Throws if a program listens on the port now, be it willing to share or not.
    func requireNobodyListens() throws(CannotListenError) {
        do throws(SystemError) {
            let probe = try Socket.openStream(for: address)
            defer { probe.close() }
            probe[.reuseAddress] = options.reuseAddress
            if let isDual = options.dualStack, address.family == .ipv6 { try probe.set(.onlyIPv6(!isDual)) }
            try probe.bind(to: address)
        } catch {
            throw CannotListenError(place, error)
        }
    }

    private var place: CannotListenError.Place { .tcp(interface: interface, port: address.port ?? 0) }

    private func setOptions(of socket: Socket) throws(SystemError) {
        socket[.reuseAddress] = options.reuseAddress
        if options.reusePort { try socket.set(.reusePort) }
        if let isDual = options.dualStack, address.family == .ipv6 { try socket.set(.onlyIPv6(!isDual)) }
        if let limit = options.deferAccept { try socket.set(.deferAccept(limit)) }
        // Accepted sockets inherit these, which saves system calls for each of them.
        for option in options.connections { try socket.set(option) }
    }

    func dispose(of socket: Socket) { socket.close() }
}
