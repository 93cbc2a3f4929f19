import Glibc

/// Makes the listening sockets of UNIX ports.
final class UNIXListeningSocketMaker: ListeningSocketMaker {
    let isShared = false
    private let address: SocketAddress
    private let backlog: Int?
    /// Nil for an abstract name, which has none.
    private let file: SocketFile?

    init(_ path: String, backlog: Int?, mode: Int, usesLock: Bool) throws(CannotListenError) {
        let text = path.utf8.first == 0 ? "@" + path.unicodeScalars.dropFirst().map(String.init).joined() : path
        do throws(InvalidAddressError) { address = try SocketAddress(unixOrAbstract: path) } catch {
            throw CannotListenError(.unix(path: text), error.reason)
        }
        guard (0...0o777).contains(mode) else {
            throw CannotListenError(.unix(path: text), "a socket's mode is a number from 0 to 0o777")
        }
        self.backlog = backlog
        file = address.isAbstract ? nil : SocketFile(address, mode: mode_t(mode), usesLock: usesLock)
    }

    func make() throws(CannotListenError) -> Socket {
        let place = CannotListenError.Place.unix(path: address.host)
        let socket: Socket
        do throws(SystemError) { socket = try Socket.openStream(for: address) } catch {
            throw CannotListenError(place, error)
        }
        do throws(CannotListenError) {
            if let file { try file.bind(socket) }
            do throws(SystemError) {
                if file == nil { try socket.bind(to: address) }
                try socket.listen(backlog: backlog)
            } catch {
                throw CannotListenError(place, error)
            }
        } catch {
            dispose(of: socket)
            throw error
        }
        return socket
    }

    func dispose(of socket: Socket) {
        file?.remove()
        socket.close()
    }
}
