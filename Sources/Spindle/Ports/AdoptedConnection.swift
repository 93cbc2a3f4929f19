import Glibc
import Logging

/// A connection that somebody else has made, on its way to a protocol; ours from when it was copied.
final class AdoptedConnection {
    /// Not kept: this waits in the reactor's own queue.
    private unowned let reactor: Reactor
    private let factory: Factory
    private var socket: Socket?
    private let peer: SocketAddress

    /// Takes over a connected stream socket.
    init(_ reactor: Reactor, _ descriptor: CInt, _ factory: Factory) throws(CannotAdoptError) {
        self.reactor = reactor
        self.factory = factory
        do throws(SystemError) {
            let copy = try Socket(duplicating: descriptor)
            socket = copy
            guard try copy.isStream else { throw SystemError(EPROTOTYPE, "adopting") }
            peer = try copy.peerAddress()
            // Not before: what is no such socket stays as it was.
            try copy.setNonBlocking()
        } catch {
            socket?.close()
            throw CannotAdoptError(descriptor: descriptor, errno: error.errno)
        }
    }

    /// Takes over what is read from one descriptor and written to another one, which may be the same socket.
    convenience init(_ reactor: Reactor, _ input: CInt, _ output: CInt, _ factory: Factory) throws(CannotAdoptError) {
        if StandardStream.isOneSocket(input, output) {
            try self.init(reactor, input, factory)
        } else {
            do throws(SystemError) {
                self.init(reactor, try StandardStream.open(input: input, output: output), factory)
            } catch {
                let isInput = (try? FileStatus(ofDescriptor: input)) == nil
                throw CannotAdoptError(descriptor: isInput ? input : output, errno: error.errno)
            }
        }
    }

    private init(_ reactor: Reactor, _ stream: Socket, _ factory: Factory) {
        self.reactor = reactor
        self.factory = factory
        socket = stream
        peer = .unnamed
    }

    /// Whoever never ran the reactor has no protocol that could close it.
    deinit { socket?.close() }

    /// Has the factory build a protocol, and tells it. To be called once.
    ///
    /// - Parameter completion: called once, with the protocol after its connectionMade has returned, or with what went wrong.
    func begin(completion: @escaping StreamTransport.StartCompletion) {
        guard let socket = socket.take() else { return }
        do throws(SystemError) {
            try SocketTransport.open(reactor, socket, peer: peer, host: nil)
                .begin(.factory(factory), completion: completion)
        } catch {
            completion(.failure(error))
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
