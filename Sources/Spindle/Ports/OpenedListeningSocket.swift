/// A listening socket that is opened before its port begins to listen: on another thread, or together with others.
///
/// One that no port takes is disposed of.
final class OpenedListeningSocket: ListeningSocketMaker {
    private let maker: any ListeningSocketMaker
    private var socket: Socket?
    let address: SocketAddress
    /// Closed with the port that takes it.
    let descriptor: CInt

    init(_ maker: any ListeningSocketMaker) throws {
        let socket = try maker.make()
        descriptor = socket.descriptor
        do throws(SystemError) { address = try socket.localAddress() } catch {
            maker.dispose(of: socket)
            throw error
        }
        self.maker = maker
        self.socket = socket
    }

    deinit { if let socket { maker.dispose(of: socket) } }

    func make() throws(CannotListenError) -> Socket {
        if let socket = socket.take() { return socket }
        return try maker.make()
    }

    var isShared: Bool { maker.isShared }

    func dispose(of socket: Socket) { maker.dispose(of: socket) }
}
