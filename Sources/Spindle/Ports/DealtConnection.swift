/// An accepted connection on its way to another reactor. If it does not get there, it is closed.
final class DealtConnection {
    private var socket: Socket?
    let peer: SocketAddress

    init(_ socket: Socket, _ peer: SocketAddress) {
        self.socket = socket
        self.peer = peer
    }

    deinit { socket?.close() }

    /// The socket, which is the caller's from here on.
    func take() -> Socket? { socket.take() }
}
