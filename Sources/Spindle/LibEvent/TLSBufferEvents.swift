import Glibc

/// What Spindle asks of OpenSSL's bufferevents. It does not link libevent_openssl: a process that has not loaded it has no such
/// bufferevent, and where it is linked in a way that nobody can look up, their handshake is taken to be over.
@safe
enum TLSBufferEvents {
    /// The `SSL *` behind a bufferevent, if it is of that kind.
    static func session(of bufferEvent: OpaquePointer) -> OpaquePointer? {
        let ask = unsafe find(
            "bufferevent_openssl_get_ssl", as: (@convention(c) (OpaquePointer) -> OpaquePointer?).self)
        return unsafe ask?(bufferEvent)
    }

    static func isHandshakeOver(_ session: OpaquePointer) -> Bool {
        let ask = unsafe find("SSL_is_init_finished", as: (@convention(c) (OpaquePointer) -> CInt).self)
        return unsafe ask?(session) != 0
    }

    /// The next error that OpenSSL has left with a bufferevent of its; 0 if there is none.
    static func takeError(of bufferEvent: OpaquePointer) -> UInt {
        let ask = unsafe find("bufferevent_get_openssl_error", as: (@convention(c) (OpaquePointer) -> UInt).self)
        return unsafe ask?(bufferEvent) ?? 0
    }

    private static func find<Function>(_ name: String, as type: Function.Type) -> Function? {
        unsafe dlsym(nil, name).map { unsafe unsafeBitCast($0, to: type) }
    }
}
