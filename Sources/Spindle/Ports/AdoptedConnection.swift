import Glibc
import Logging

/// A connection that somebody else has made, on its way to a protocol; ours from when it was copied.
final class AdoptedConnection {
    private let reactor: Reactor
    private let factory: Factory
    private var socket: Socket?
    private let peer: SocketAddress

    init(_ reactor: Reactor, _ descriptor: CInt, _ factory: Factory) throws(CannotAdoptError) {
        self.reactor = reactor
        self.factory = factory
        do throws(SystemError) {
            let copy = try Socket(duplicating: descriptor)
            socket = copy
            guard try copy.isStream else { throw SystemError(EPROTOTYPE, "adopting") }
            peer = try copy.peerAddress()
        } catch {
            socket?.close()
            throw CannotAdoptError(descriptor: descriptor, errno: error.errno)
        }
    }

    /// Whoever never ran the reactor has no protocol that could close it.
    deinit { socket?.close() }

    /// Has the factory build a protocol, and tells it.
    func begin() {
        guard let socket = socket.take() else { return }
        guard let newProtocol = factory.makeProtocol(for: peer) else { return socket.close() }
        do {
            let transport = try SocketTransport(reactor, socket, peer: peer, host: nil)
            // What connectionMade throws was logged, and becomes the reason of the connection's end.
            try? transport.start(newProtocol)
        } catch {
            reactor.logger.error("cannot serve \(peer): \(error)")
            socket.close()
        }
    }
}

/// A descriptor that cannot be adopted as a connection.
public struct CannotAdoptError: Error, Hashable, Sendable, CustomStringConvertible {
    public let descriptor: CInt
    /// The kernel's reason, such as `EBADF`, `ENOTSOCK` or `ENOTCONN`; `EPROTOTYPE` for a socket that is not a stream.
    public let errno: Int32

    public var description: String {
        let reason = errno == EPROTOTYPE ? "it is not a stream socket" : SystemError.text(errno)
        return "cannot adopt descriptor \(descriptor) as a connection: \(reason)"
    }
}
