internal import CLibEvent

/// What C code had set on a bufferevent, which it gets back.
@safe
struct BufferEventSettings {
    private var reader: bufferevent_data_cb?
    private var writer: bufferevent_data_cb?
    private var eventCallback: bufferevent_event_cb?
    private var context: UnsafeMutableRawPointer?
    private var readMarks = (low: 0, high: 0)
    private var writeMarks = (low: 0, high: 0)
    private let enabled: Int16
    private let maxSingleWrite: Int
    private let buckets: OpaquePointer?

    init(of raw: OpaquePointer) {
        unsafe enabled = bufferevent_get_enabled(raw)
        unsafe maxSingleWrite = bufferevent_get_max_single_write(raw)
        unsafe buckets = bufferevent_get_token_bucket_cfg(raw)
        unsafe bufferevent_getcb(raw, &reader, &writer, &eventCallback, &context)
        unsafe bufferevent_getwatermark(raw, Int16(EV_READ), &readMarks.low, &readMarks.high)
        unsafe bufferevent_getwatermark(raw, Int16(EV_WRITE), &writeMarks.low, &writeMarks.high)
    }

    /// Whether the callbacks are those of a `BufferEvent`.
    var areOurs: Bool { unsafe BufferEvent.isOwnCallback(reader) }

    /// Sets it all again. What there is to read, C's callback is told of by the loop, and not now.
    func restore(to raw: OpaquePointer) {
        unsafe bufferevent_setwatermark(raw, Int16(EV_READ), readMarks.low, readMarks.high)
        unsafe bufferevent_setwatermark(raw, Int16(EV_WRITE), writeMarks.low, writeMarks.high)
        unsafe bufferevent_set_max_single_write(raw, maxSingleWrite)
        if unsafe bufferevent_get_token_bucket_cfg(raw) != buckets { unsafe bufferevent_set_rate_limit(raw, buckets) }
        unsafe bufferevent_setcb(raw, reader, writer, eventCallback, context)
        let now = unsafe bufferevent_get_enabled(raw)
        // Nothing that is as it should be is touched: of some kinds enabling has them read at once.
        let (missing, excess) = (enabled & ~now, now & ~enabled)
        if missing != 0 { unsafe bufferevent_enable(raw, missing) }
        if excess != 0 { unsafe bufferevent_disable(raw, excess) }
        // Of two events on one descriptor libevent calls the one first that was added last. C code that frees the bufferevent at
        // the end of input relies on its output having left before.
        if enabled & now & Int16(EV_WRITE) != 0, unsafe evbuffer_get_length(bufferevent_get_output(raw)) > 0 {
            unsafe bufferevent_disable(raw, Int16(EV_WRITE))
            unsafe bufferevent_enable(raw, Int16(EV_WRITE))
        }
        if unsafe evbuffer_get_length(bufferevent_get_input(raw)) > 0 {
            unsafe bufferevent_trigger(raw, Int16(EV_READ), Int32(BEV_TRIG_DEFER_CALLBACKS.rawValue))
        }
    }
}
