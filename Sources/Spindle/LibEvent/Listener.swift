internal import CLibEvent
import Glibc

/// A libevent `evconnlistener` on a socket that is bound and listening already, made here or taken over from C code.
///
/// Accepted sockets are non-blocking and close-on-exec. The listening socket stays its owner's to close, unless C code
/// has made the `evconnlistener` so that it closes it.
@safe
final class Listener: EntrySource {
    let base: EventBase
    var occasion: String { "accepting on \(handler)" }
    private let handler: any ListenerHandler
    private var raw: OpaquePointer?
    /// C code made it, and decided what its accepted sockets are like.
    private let isTakenOver: Bool

    init(_ base: EventBase, _ descriptor: CInt, _ handler: any ListenerHandler) throws(SystemError) {
        self.base = base
        self.handler = handler
        isTakenOver = false
        guard let rawBase = unsafe base.raw else { throw SystemError(EBADF, "evconnlistener_new") }
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        // A backlog of 0 tells libevent that listen(2) was called.
        let flags = UInt32(LEV_OPT_CLOSE_ON_EXEC)
        guard let raw = unsafe evconnlistener_new(rawBase, acceptThunk, context, flags, 0, descriptor) else {
            throw SystemError(errno, "evconnlistener_new")
        }
        unsafe self.raw = raw
        unsafe evconnlistener_set_error_cb(raw, errorThunk)
    }

    /// Takes over what C code has made, in place of whatever it called. If this throws that is as it was.
    init(_ base: EventBase, takingOver raw: OpaquePointer, _ handler: any ListenerHandler) throws(SystemError) {
        self.base = base
        self.handler = handler
        isTakenOver = true
        guard unsafe evconnlistener_enable(raw) == 0 else {
            let code = errno
            unsafe evconnlistener_disable(raw)
            throw SystemError(code, "evconnlistener_enable")
        }
        unsafe self.raw = raw
        unsafe evconnlistener_set_cb(raw, acceptThunk, Unmanaged.passUnretained(self).toOpaque())
        unsafe evconnlistener_set_error_cb(raw, errorThunk)
    }

    deinit { close() }

    /// Stops accepting and frees it. The socket is not closed, but where C code has made it so.
    func close() {
        guard let raw = unsafe raw.take() else { return }
        // Inside its own callback freeing only drops a reference: the descriptor would be closed before libevent has taken it off
        // epoll, and the next one with that number be taken for one that is watched already (2.1.12).
        unsafe evconnlistener_disable(raw)
        unsafe evconnlistener_free(raw)
    }

    /// Leaves what was taken over to C code again, disabled and with nothing to call. Nil if it was not taken over.
    func handBack() -> OpaquePointer? {
        guard isTakenOver, let raw = unsafe raw.take() else { return nil }
        unsafe evconnlistener_disable(raw)
        unsafe evconnlistener_set_cb(raw, nil, nil)
        unsafe evconnlistener_set_error_cb(raw, nil)
        return unsafe raw
    }

    /// Whether this is the one that C code knows by a pointer.
    func isMade(of raw: OpaquePointer) -> Bool { unsafe self.raw == raw }

    /// The `event_base` of a C program's listener.
    static func base(of raw: OpaquePointer) -> OpaquePointer? { unsafe evconnlistener_get_base(raw) }

    /// The listening descriptor of a C program's listener.
    static func descriptor(of raw: OpaquePointer) -> CInt { unsafe evconnlistener_get_fd(raw) }

    /// Stops accepting until `resume`, leaving those who wait in the kernel's queue.
    func pause() {
        if let raw = unsafe raw { unsafe evconnlistener_disable(raw) }
    }

    func resume() {
        if let raw = unsafe raw { unsafe evconnlistener_enable(raw) }
    }

    fileprivate func accepted(_ descriptor: CInt, from peer: SocketAddress) {
        if isTakenOver {
            let socket = Socket(descriptor: descriptor)
            // Neither fails on an open descriptor.
            try? socket.setNonBlocking()
            _ = socket.closeOnExec()
        }
        handler.accepted(descriptor, from: peer)
    }

    fileprivate func acceptFailed(_ error: SystemError) { handler.acceptFailed(error) }
}

/// What a `Listener` calls, on the reactor's thread, inside an entry.
protocol ListenerHandler: AnyObject, CustomStringConvertible {
    /// A connection came in. The handler owns `descriptor` from here on.
    func accepted(_ descriptor: CInt, from peer: SocketAddress)
    func acceptFailed(_ error: SystemError)
}

private let acceptThunk: evconnlistener_cb = { _, descriptor, address, length, context in
    let peer = unsafe SocketAddress(address.unsafelyUnwrapped, socklen_t(length))
    unsafe Listener.enter(context) { $0.accepted(descriptor, from: peer) }
}

private let errorThunk: evconnlistener_errorcb = { _, context in
    let error = SystemError(errno, "accept")
    unsafe Listener.enter(context) { $0.acceptFailed(error) }
}
