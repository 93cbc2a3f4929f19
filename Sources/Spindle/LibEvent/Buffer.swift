internal import CLibEvent

/// A libevent `evbuffer`: bytes that have arrived and are not delivered yet.
@safe
final class Buffer {
    private let raw: OpaquePointer
    /// How many bytes, the first ones, are being consumed.
    private var consuming = 0

    init() throws(SystemError) {
        guard let raw = unsafe evbuffer_new() else { throw SystemError(ENOMEM, "evbuffer_new") }
        unsafe self.raw = raw
    }

    deinit { unsafe evbuffer_free(raw) }

    var isEmpty: Bool { unsafe evbuffer_get_length(raw) == 0 }

    /// Takes over all of another buffer's bytes without copying them.
    func append(movingFrom source: OpaquePointer) { unsafe evbuffer_add_buffer(raw, source) }

    /// Puts a copy of `data` before all others. False only when there is no memory for it.
    func prepend(_ data: RawSpan) -> Bool {
        unsafe data.withUnsafeBytes { unsafe evbuffer_prepend(raw, $0.baseAddress, $0.count) == 0 }
    }

    /// Puts a copy of `data` behind all others. False only when there is no memory for it.
    func append(_ data: RawSpan) -> Bool {
        unsafe data.withUnsafeBytes { unsafe evbuffer_add(raw, $0.baseAddress, $0.count) == 0 }
    }

    /// Hands the first contiguous run of bytes to `body`, then drops it.
    func consumeFirst(_ body: (RawSpan) -> Void) {
        var first = unsafe iovec()
        guard unsafe evbuffer_peek(raw, -1, nil, &first, 1) > 0 else { return }
        consuming = unsafe first.iov_len
        unsafe body(UnsafeRawBufferPointer(start: first.iov_base, count: first.iov_len).bytes)
        consuming = 0
        unsafe evbuffer_drain(raw, first.iov_len)
    }

    /// A copy of all bytes but those that are being consumed.
    func copyOfRest() -> [UInt8] {
        let count = unsafe evbuffer_get_length(raw) - consuming
        return unsafe [UInt8](capacity: count) { room in
            var start = unsafe evbuffer_ptr()
            unsafe evbuffer_ptr_set(raw, &start, consuming, EVBUFFER_PTR_SET)
            return unsafe evbuffer_copyout_from(raw, &start, room.baseAddress, count)
        }
    }

    func removeAll() { unsafe evbuffer_drain(raw, evbuffer_get_length(raw)) }
}
