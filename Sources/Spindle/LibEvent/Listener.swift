internal import CLibEvent
import Glibc

/// A libevent `evconnlistener` on a socket that is bound and listening already.
///
/// Accepted sockets are non-blocking and close-on-exec. The listening socket stays its owner's to close.
@safe
final class Listener: EntrySource {
    let base: EventBase
    var occasion: String { "accepting on \(handler)" }
    fileprivate let handler: any ListenerHandler
    private var raw: OpaquePointer?

    init(_ base: EventBase, _ descriptor: CInt, _ handler: any ListenerHandler) throws(SystemError) {
        self.base = base
        self.handler = handler
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

    deinit { close() }

    /// Stops accepting and forgets the socket, without closing it.
    func close() {
        guard let raw = unsafe raw else { return }
        unsafe self.raw = nil
        unsafe evconnlistener_free(raw)
    }

    /// Stops accepting until `resume`, leaving those who wait in the kernel's queue.
    func pause() {
        if let raw = unsafe raw { unsafe evconnlistener_disable(raw) }
    }

    func resume() {
        if let raw = unsafe raw { unsafe evconnlistener_enable(raw) }
    }
}

/// What a `Listener` calls, on the reactor's thread, inside an entry.
protocol ListenerHandler: AnyObject, CustomStringConvertible {
    /// A connection came in. The handler owns `descriptor` from here on.
    func accepted(_ descriptor: CInt, from peer: SocketAddress)
    func acceptFailed(_ error: SystemError)
}

private let acceptThunk: evconnlistener_cb = { _, descriptor, address, length, context in
    let peer = unsafe SocketAddress(address.unsafelyUnwrapped, socklen_t(length))
    unsafe Listener.enter(context) { $0.handler.accepted(descriptor, from: peer) }
}

private let errorThunk: evconnlistener_errorcb = { _, context in
    let error = SystemError(errno, "accept")
    unsafe Listener.enter(context) { $0.handler.acceptFailed(error) }
}
