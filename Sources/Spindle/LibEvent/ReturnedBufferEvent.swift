internal import CLibEvent

/// A bufferevent that C code has again, kept for what comes to its input a moment later. C may free it meanwhile.
@safe
final class ReturnedBufferEvent {
    private let raw: OpaquePointer

    init(_ raw: OpaquePointer) {
        unsafe self.raw = raw
        unsafe bufferevent_incref(raw)
    }

    deinit { _ = unsafe bufferevent_decref(raw) }

    /// Puts bytes before what is in its input, and has C's read callback called by the loop.
    func putBack(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        unsafe evbuffer_prepend(bufferevent_get_input(raw), bytes, bytes.count)
        unsafe bufferevent_trigger(raw, Int16(EV_READ), Int32(BEV_TRIG_DEFER_CALLBACKS.rawValue))
    }
}
