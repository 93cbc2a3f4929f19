import Glibc

/// Hands out a copy of a listening socket that somebody else had opened: once, since there is no opening it again (F7).
final class AdoptedListeningSocketMaker: ListeningSocketMaker {
    let isShared = true
    private let original: CInt
    private var socket: Socket?

    init(_ descriptor: CInt) throws(CannotListenError) {
        original = descriptor
        let copy: Socket
        do throws(SystemError) { copy = try Socket(duplicating: descriptor) } catch {
            throw CannotListenError(.descriptor(descriptor), error)
        }
        do throws(CannotListenError) { try Self.prepare(copy, for: .descriptor(descriptor)) } catch {
            copy.close()
            throw error
        }
        socket = copy
    }

    /// Makes a listening stream socket of somebody else's non-blocking; anything else is an error, and stays as it was.
    static func prepare(_ socket: Socket, for place: CannotListenError.Place) throws(CannotListenError) {
        do throws(SystemError) {
            guard try socket.isStream else { throw SystemError(EPROTOTYPE, "adopting") }
            guard try socket.isListening else { throw SystemError(EINVAL, "adopting") }
            try socket.setNonBlocking()
        } catch {
            throw CannotListenError(place, reason(error), errno: error.errno)
        }
    }

    deinit { socket?.close() }

    func make() throws(CannotListenError) -> Socket {
        guard let socket = socket.take() else {
            throw CannotListenError(.descriptor(original), "an adopted socket that was closed cannot be opened again")
        }
        return socket
    }

    /// Closes our copy only. The socket may go on listening for others who have it: it is not shut down.
    func dispose(of socket: Socket) { socket.close() }

    private static func reason(_ error: SystemError) -> String {
        switch error.errno {
        case EPROTOTYPE: "it is not a stream socket"
        case EINVAL: "it is a socket that does not listen"
        default: SystemError.text(error.errno)
        }
    }
}
