import Glibc

/// Has a port listen by a C program's `evconnlistener`: once, since it is freed or given back afterwards.
@safe
final class AdoptedListenerMaker: ListeningSocketMaker {
    let isShared = true
    private let descriptor: CInt
    /// Nil once the port has it.
    private var raw: OpaquePointer?

    init(_ raw: OpaquePointer?, _ reactor: Reactor) throws(CannotAdoptListenerError) {
        guard let raw = unsafe raw else { throw CannotAdoptListenerError(reason: .null) }
        guard unsafe Listener.base(of: raw) == reactor.base.raw else {
            throw CannotAdoptListenerError(reason: .otherBase)
        }
        guard !reactor.open.ports.all.contains(where: { unsafe $0.listener?.isMade(of: raw) == true }) else {
            throw CannotAdoptListenerError(reason: .alreadyAdopted)
        }
        unsafe self.raw = raw
        descriptor = unsafe Listener.descriptor(of: raw)
    }

    func make() throws(CannotListenError) -> Socket {
        guard unsafe raw != nil else {
            throw CannotListenError(.descriptor(descriptor), "an adopted listener that is gone cannot listen again")
        }
        let socket = Socket(descriptor: descriptor)
        try AdoptedListeningSocketMaker.prepare(socket, for: .descriptor(descriptor))
        return socket
    }

    func listen(_ socket: Socket, on base: EventBase, _ handler: any ListenerHandler) throws(SystemError) -> Listener {
        guard let raw = unsafe raw else { throw SystemError(EBADF, "listen") }
        let listener = unsafe try Listener(base, takingOver: raw, handler)
        unsafe self.raw = nil
        return listener
    }

    /// Whether the socket is closed with the listener was decided when that was made.
    func dispose(of socket: Socket) {}
}
