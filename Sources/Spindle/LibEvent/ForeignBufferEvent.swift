internal import CLibEvent
import Glibc

/// A bufferevent that C code has made, looked at before anything is done to it.
@safe
struct ForeignBufferEvent {
    let raw: OpaquePointer
    /// Of the socket, if there is one behind it. -1 also while C code looks its peer's name up.
    var descriptor: CInt { unsafe bufferevent_getfd(raw) }
    /// It is a socket's own: what it is given is sent as it is, and what it gives was received so.
    let isSocket: Bool
    /// One of two that are each other's other end.
    let isPair: Bool
    /// OpenSSL's, so that it has errors of its own.
    let isTLS: Bool
    /// There is nobody at the other end yet. It will say so when there is.
    let isConnecting: Bool

    init(_ raw: OpaquePointer?, on base: EventBase) throws(CannotAdoptBufferEventError) {
        guard let raw = unsafe raw else { throw CannotAdoptBufferEventError(.null) }
        guard let rawBase = unsafe base.raw, unsafe bufferevent_get_base(raw) == rawBase else {
            throw CannotAdoptBufferEventError(.anotherBase)
        }
        guard unsafe !BufferEventSettings(of: raw).areOurs else { throw CannotAdoptBufferEventError(.adoptedAlready) }
        let isPlain = unsafe Self.operations(of: raw) == Self.socketOperations(on: rawBase)
        let tls = unsafe isPlain ? nil : TLSBufferEvents.session(of: raw)
        let descriptor = unsafe bufferevent_getfd(raw)
        let socket = Socket(descriptor: descriptor)
        let isPair = unsafe bufferevent_pair_get_partner(raw) != nil
        var peerIsThere = true
        var isSocket = isPlain
        if isPlain {
            do throws(SystemError) { _ = try socket.peerAddress() } catch {
                // A pipe's or a terminal's is served by its bufferevent alone, like those on other bufferevents.
                isSocket = error.errno != ENOTSOCK
                peerIsThere = !isSocket
            }
        } else if unsafe descriptor < 0 && tls == nil && bufferevent_get_underlying(raw) == nil
            && !isPair
        {
            throw CannotAdoptBufferEventError(.noOtherEnd)
        }
        unsafe self.raw = raw
        self.isSocket = isSocket
        self.isPair = isPair
        isTLS = unsafe tls != nil
        isConnecting = unsafe !peerIsThere || tls.map { unsafe !TLSBufferEvents.isHandshakeOver($0) } ?? false
    }

    // MARK: - Of what kind it is

    /// Where its functions are. Nothing public tells what kind a bufferevent is, and to take OpenSSL's for a socket's would
    /// mix clear bytes with its records. It is the second word of the public `struct bufferevent`; should that change,
    /// nothing will be found to be a socket's, which costs speed and no bytes.
    private static func operations(of raw: OpaquePointer) -> UInt {
        unsafe UnsafeRawPointer(raw).load(fromByteOffset: MemoryLayout<UInt>.size, as: UInt.self)
    }

    /// Those of a socket's bufferevent, seen in one that is made for the purpose, once.
    private static func socketOperations(on base: OpaquePointer) -> UInt {
        known.withLock { known in
            if known == 0, let sample = unsafe bufferevent_socket_new(base, -1, 0) {
                known = unsafe operations(of: sample)
                unsafe bufferevent_free(sample)
            }
            return known
        }
    }

    private static let known = Lock<UInt>(0)
}
