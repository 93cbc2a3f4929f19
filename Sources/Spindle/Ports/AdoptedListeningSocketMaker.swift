import Glibc

/// Hands out a copy of a listening socket that somebody else had opened: once, since there is no opening it again (F7).
final class AdoptedListeningSocketMaker: ListeningSocketMaker {
    private let original: CInt
    private var socket: Socket?

    init(_ descriptor: CInt) throws(CannotListenError) {
        original = descriptor
        do throws(SystemError) {
            let copy = try Socket(duplicating: descriptor)
            socket = copy
            guard try copy.isStream else { throw SystemError(EPROTOTYPE, "adopting") }
            guard try copy.isListening else { throw SystemError(EINVAL, "adopting") }
            // Not before: what is no such socket stays as it was.
            try copy.setNonBlocking()
        } catch {
            socket?.close()
            socket = nil
            throw CannotListenError(.descriptor(descriptor), Self.reason(error), errno: error.errno)
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
