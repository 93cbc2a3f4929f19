internal import CLibEvent
import Glibc

/// A libevent `bufferevent`: on a socket that somebody else owns and closes, or one that C code has made.
///
/// It is where a transport's output waits when the kernel will not take it, and, where there is
/// no direct I/O, where its input arrives as well.
@safe
final class BufferEvent: EntrySource {
    let base: EventBase
    var occasion: String { "buffered input or output of \(handler)" }
    fileprivate let handler: any BufferEventHandler
    /// Nil once closed.
    private(set) var raw: OpaquePointer?
    /// What C code had set on one of its own.
    private let formerSettings: BufferEventSettings?
    /// It is not a socket's own: there are other bufferevents below it, or OpenSSL, or the other one of a pair.
    let isLayered: Bool
    /// It has told of its input's end, and will not again.
    var hasToldEnd = false
    private let isTLS: Bool
    private let isPair: Bool
    /// How many bytes have left the last output that ours passes, where C code writes, too, or there are others below it.
    private var bytesLeft = 0
    /// See `BufferEvent+RateLimit.swift`.
    var limits = RateLimits()
    private var bytesWritten = 0
    /// What counts them.
    private var count: (output: OpaquePointer, callback: OpaquePointer)?
    private var isOutputFinished = false
    /// Where, counted in bytes taken, the last piece of a file ends.
    private var fileEnd = 0
    /// The file that it is of, open as long as the piece waits, and where in the file it ends.
    private var lastPiece: (file: File, end: Int)?

    /// One writev may carry this much. libevent's own default, 16 KiB, makes a long backlog
    /// cost four times the calls.
    private static let maxSingleWrite = 256 * 1024

    init(_ base: EventBase, _ descriptor: CInt, _ handler: any BufferEventHandler) throws(SystemError) {
        self.base = base
        self.handler = handler
        guard let rawBase = unsafe base.raw, let raw = unsafe bufferevent_socket_new(rawBase, descriptor, 0) else {
            throw SystemError(ENOMEM, "bufferevent_socket_new")
        }
        unsafe self.raw = raw
        formerSettings = nil
        (isLayered, isTLS, isPair) = (false, false, false)
        unsafe takeOver(raw)
    }

    /// Takes over one that C code has made.
    init(adopting found: ForeignBufferEvent, on base: EventBase, _ handler: any BufferEventHandler) {
        self.base = base
        self.handler = handler
        unsafe raw = found.raw
        formerSettings = unsafe BufferEventSettings(of: found.raw)
        (isLayered, isTLS, isPair) = (!found.isSocket, found.isTLS, found.isPair)
        unsafe takeOver(found.raw)
        countOutput()
        unsafe bufferevent_setwatermark(found.raw, Int16(EV_READ | EV_WRITE), 0, 0)
        // A connection is reported by way of writing. And a filter needs to be told that there is something to send.
        if unsafe bufferevent_get_enabled(found.raw) & Int16(EV_WRITE) == 0 {
            unsafe bufferevent_enable(found.raw, Int16(EV_WRITE))
            unsafe bufferevent_flush(found.raw, Int16(EV_WRITE), BEV_NORMAL)
        }
    }

    private func takeOver(_ raw: OpaquePointer) {
        unsafe bufferevent_set_max_single_write(raw, Self.maxSingleWrite)
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe bufferevent_setcb(raw, readThunk, writeThunk, eventThunk, context)
    }

    deinit { close() }

    /// Gives up the bufferevent and everything it still holds. Nothing is called after this.
    func close() {
        dropLimits()
        guard let raw = unsafe release() else { return }
        unsafe bufferevent_setcb(raw, nil, nil, nil, nil)
        if !isLayered {
            // Off the descriptor first: libevent frees the memory in its next pass, and by then
            // the descriptor is closed and its number may be somebody else's.
            unsafe bufferevent_setfd(raw, -1)
        } else if !isOutputFinished {
            // Nobody would tell the other one of a pair otherwise.
            unsafe layers(of: raw).forEach { layer in
                let output = unsafe bufferevent_get_output(layer)!
                unsafe drop(evbuffer_get_length(output), from: output)
            }
            unsafe bufferevent_flush(lowest(of: raw), Int16(EV_WRITE), BEV_FINISHED)
        }
        unsafe bufferevent_free(raw)
    }

    /// Gives the bufferevent back to C code as it was. Nothing is called after this.
    func restore() -> OpaquePointer? {
        dropLimits()
        guard let settings = formerSettings, let raw = unsafe release() else { return nil }
        unsafe settings.restore(to: raw)
        if hasToldEnd {
            let what = Int16(BEV_EVENT_EOF | BEV_EVENT_READING)
            unsafe bufferevent_trigger_event(raw, what, Int32(BEV_TRIG_DEFER_CALLBACKS.rawValue))
        }
        return unsafe raw
    }

    private func release() -> OpaquePointer? {
        guard let raw = unsafe raw else { return nil }
        if let (output, callback) = unsafe count { unsafe evbuffer_remove_cb_entry(output, callback) }
        unsafe (self.raw, count) = (nil, nil)
        return unsafe raw
    }

    /// Of the socket, if there is one.
    var descriptor: CInt {
        guard let raw = unsafe raw else { return -1 }
        return unsafe bufferevent_getfd(raw)
    }

    /// Whether C code has made it.
    var isAdopted: Bool { formerSettings != nil }

    /// Whether a callback is that of a `BufferEvent`.
    static func isOwnCallback(_ callback: bufferevent_data_cb?) -> Bool {
        unsafe unsafeBitCast(callback, to: UInt.self) == unsafeBitCast(readThunk, to: UInt.self)
    }

    /// False once closed. A callback that was postponed may come later than that.
    fileprivate var isOpen: Bool { unsafe raw != nil }

    // MARK: - Output

    /// How many bytes wait to be sent, those that have gone to other bufferevents below included.
    var outputLength: Int {
        guard let raw = unsafe raw else { return 0 }
        guard isLayered else { return unsafe evbuffer_get_length(bufferevent_get_output(raw)) }
        return unsafe layers(of: raw).reduce(0) { unsafe $0 + evbuffer_get_length(bufferevent_get_output($1)) }
    }

    /// How many bytes of its output the kernel has taken so far.
    var bytesTaken: Int { unsafe count == nil ? bytesWritten - outputLength : bytesLeft }

    /// Counts what leaves from now on, because others write, too.
    func countOutput() {
        guard unsafe count == nil, let raw = unsafe raw else { return }
        bytesLeft = bytesTaken
        let output = unsafe bufferevent_get_output(lowest(of: raw))!
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        guard let callback = unsafe evbuffer_add_cb(output, outputThunk, context) else { return }
        unsafe count = (output, callback)
    }

    fileprivate func outputChanged(_ removed: Int) {
        bytesLeft += removed
        if isLayered, removed > 0 { handler.lowestLayerDrained() }
    }

    /// It and those below it.
    private func layers(of raw: OpaquePointer) -> [OpaquePointer] {
        var layers = unsafe [raw]
        while let next = unsafe bufferevent_get_underlying(layers[layers.count - 1]) { unsafe layers.append(next) }
        return unsafe layers
    }

    private func lowest(of raw: OpaquePointer) -> OpaquePointer { unsafe layers(of: raw).last.unsafelyUnwrapped }

    /// The other one of its pair is gone: what is written goes nowhere, and libevent does not say so.
    var hasLostPartner: Bool {
        guard isPair, let raw = unsafe raw else { return false }
        return unsafe bufferevent_pair_get_partner(raw) == nil
    }

    /// Has a filter write what it kept for the end, and the other one of a pair see the end.
    func finishOutput() {
        guard isLayered, !isOutputFinished, let raw = unsafe raw else { return }
        isOutputFinished = true
        unsafe bufferevent_flush(raw, Int16(EV_WRITE), BEV_FINISHED)
    }

    /// Appends a copy of `data` to the output. False only when there is no memory for it.
    func write(_ data: RawSpan) -> Bool {
        guard let raw = unsafe raw else { return false }
        bytesWritten += data.byteCount
        return unsafe data.withUnsafeBytes { bytes in
            unsafe bufferevent_write(raw, bytes.baseAddress, bytes.count) == 0
        }
    }

    /// Puts a copy of `data` before all other output, which libevent guards. False only when there is no memory for it.
    func prepend(_ data: RawSpan) -> Bool {
        guard let raw = unsafe raw, data.byteCount > 0 else { return true }
        bytesWritten += data.byteCount
        let output = unsafe bufferevent_get_output(raw)
        unsafe evbuffer_unfreeze(output, 1)
        defer { unsafe evbuffer_freeze(output, 1) }
        return unsafe data.withUnsafeBytes { unsafe evbuffer_prepend(output, $0.baseAddress, $0.count) == 0 }
    }

    /// Whether anything waits to be sent.
    var hasOutput: Bool { outputLength > 0 }

    /// Whether C code has it, too.
    var isShared: Bool { unsafe count != nil }

    /// As `receivesWithoutLimit`, of what is sent.
    var sendsWithoutLimit: Bool {
        guard let raw = unsafe raw else { return false }
        unsafe bufferevent_set_max_single_write(raw, Int.max)
        defer { unsafe bufferevent_set_max_single_write(raw, Self.maxSingleWrite) }
        return unsafe bufferevent_get_max_to_write(raw) == Int.max
    }

    /// Appends a piece of a file to the output. It goes by sendfile(2), without passing through this process.
    ///
    /// The piece has a descriptor of its own, so that the caller may close the file at any time.
    func write(_ file: File, from offset: Int, _ count: Int) -> Bool {
        guard let raw = unsafe raw, let copy = try? File(duplicating: file.descriptor) else { return false }
        let flags = UInt32(EVBUF_FS_CLOSE_ON_FREE)
        guard let piece = unsafe evbuffer_file_segment_new(copy.descriptor, Int64(offset), Int64(count), flags)
        else {
            copy.close()
            return false
        }
        defer { unsafe evbuffer_file_segment_free(piece) }
        guard unsafe evbuffer_add_file_segment(bufferevent_get_output(raw), piece, 0, Int64(count)) == 0 else {
            return false
        }
        bytesWritten += count
        fileEnd = bytesTaken + outputLength
        lastPiece = (copy, offset + count)
        return true
    }

    /// Whether a `.stuckFile` may be one of ours, and not one that C code wrote.
    var hasFile: Bool { lastPiece != nil }

    /// Whether the file of the piece that is first in line, after a `.stuckFile`, ends before the piece does.
    var isFileTooShort: Bool { lastPiece.map { ((try? $0.file.size()) ?? 0) < $0.end } ?? true }

    /// Goes on sending after a `.stuckFile`.
    ///
    /// - Parameter dropsFile: leaves out what is missing of the piece of a file that is first in line.
    func resumeWriting(dropsFile: Bool) {
        guard let raw = unsafe raw else { return }
        if dropsFile { unsafe drop(max(0, fileEnd - bytesTaken), from: bufferevent_get_output(raw)) }
        unsafe bufferevent_enable(raw, Int16(EV_WRITE))
    }

    private func drop(_ count: Int, from output: OpaquePointer) {
        // libevent guards the front of the output, which only it may take from.
        unsafe evbuffer_unfreeze(output, 1)
        unsafe evbuffer_drain(output, count)
        unsafe evbuffer_freeze(output, 1)
    }

    /// `bufferEventDrained()` is called when no more than this many bytes wait.
    func setLowMark(_ mark: Int) {
        if let raw = unsafe raw { unsafe bufferevent_setwatermark(raw, Int16(EV_WRITE), mark, 0) }
    }

    // MARK: - Input

    func startReading() {
        guard let raw = unsafe raw else { return }
        unsafe bufferevent_enable(raw, Int16(EV_READ))
        // What came to a filter while it was disabled it passes on with the next bytes only.
        if isLayered { unsafe bufferevent_flush(raw, Int16(EV_READ), BEV_NORMAL) }
    }

    func stopReading() {
        if let raw = unsafe raw { unsafe bufferevent_disable(raw, Int16(EV_READ)) }
    }

    /// How many bytes have arrived.
    var inputLength: Int {
        guard let raw = unsafe raw else { return 0 }
        return unsafe evbuffer_get_length(bufferevent_get_input(raw))
    }

    /// Whether something has arrived, here or in one of those below.
    var hasInput: Bool {
        guard let raw = unsafe raw else { return false }
        return unsafe layers(of: raw).contains { unsafe evbuffer_get_length(bufferevent_get_input($0)) > 0 }
    }

    /// Moves what has arrived into `buffer`, where nothing that C does can pull it from under a span.
    func moveInput(into buffer: Buffer) {
        if let raw = unsafe raw { unsafe buffer.append(movingFrom: bufferevent_get_input(raw)) }
    }

    /// Puts bytes before those that have arrived. False only when there is no memory for them.
    func putBack(_ data: RawSpan) -> Bool {
        guard let raw = unsafe raw else { return false }
        return unsafe data.withUnsafeBytes { bytes in
            unsafe evbuffer_prepend(bufferevent_get_input(raw), bytes.baseAddress, bytes.count) == 0
        }
    }

    /// Whether the speed of what is received has no limit, of its own or of a group's. libevent answers in a roundabout way.
    var receivesWithoutLimit: Bool {
        guard let raw = unsafe raw else { return false }
        let atOnce = unsafe bufferevent_get_max_single_read(raw)
        unsafe bufferevent_set_max_single_read(raw, Int.max)
        defer { unsafe bufferevent_set_max_single_read(raw, atOnce) }
        return unsafe bufferevent_get_max_to_read(raw) == Int.max
    }

    /// How a bufferevent says that its connection is over.
    enum Failure {
        case endOfInput
        /// A piece of a file is first in line, and sendfile(2) finds nothing of it in the file.
        case stuckFile
        case error(CInt)
    }

    /// What a report means; nil if it is of the connection's being made.
    fileprivate func failure(_ what: Int32, _ code: CInt) -> Failure? {
        if what & BEV_EVENT_ERROR != 0 {
            // OpenSSL's errors are not the kernel's, whose last one may be anything.
            return .error(isTLS && takeTLSErrors() ? EPROTO : code == 0 ? ECONNRESET : code)
        }
        if what & BEV_EVENT_TIMEOUT != 0 { return .error(ETIMEDOUT) }
        if what & BEV_EVENT_EOF == 0 { return nil }
        if what & BEV_EVENT_READING != 0 || what & BEV_EVENT_WRITING == 0 { return .endOfInput }
        // The other one of a pair will not read any more.
        return isLayered ? .error(EPIPE) : .stuckFile
    }

    private func takeTLSErrors() -> Bool {
        guard let raw = unsafe raw else { return false }
        var isTheirs = false
        while case let error = unsafe TLSBufferEvents.takeError(of: raw), error != 0 {
            // SSL_ERROR_SYSCALL leaves it to errno.
            if error != 5 { isTheirs = true }
        }
        return isTheirs
    }

    /// Why there is no connection, if that was for the name that C code gave.
    var lookUpError: String? {
        guard let raw = unsafe raw, case let code = unsafe bufferevent_socket_get_dns_error(raw), code != 0 else {
            return nil
        }
        return unsafe String(cString: evutil_gai_strerror(code))
    }
}

/// What a `BufferEvent` calls, on the reactor's thread, inside an entry.
protocol BufferEventHandler: AnyObject, CustomStringConvertible {
    func inputArrived()
    /// No more than the low mark waits, or nothing does.
    func bufferEventDrained()
    func bufferEventConnected()
    func bufferEventFailed(_ failure: BufferEvent.Failure)
    /// Something has left the lowest of several bufferevents. Called inside libevent's own doings, in no entry.
    func lowestLayerDrained()
}

private let readThunk: bufferevent_data_cb = { _, context in
    unsafe BufferEvent.enter(context) { if $0.isOpen { $0.handler.inputArrived() } }
}

private let writeThunk: bufferevent_data_cb = { _, context in
    unsafe BufferEvent.enter(context) { if $0.isOpen { $0.handler.bufferEventDrained() } }
}

private let eventThunk: bufferevent_event_cb = { _, what, context in
    // errno means something only with the error flag: at end of input it is left over from elsewhere.
    let code = errno
    unsafe BufferEvent.enter(context) {
        guard $0.isOpen else { return }
        if let failure = $0.failure(Int32(what), code) {
            $0.handler.bufferEventFailed(failure)
        } else {
            $0.handler.bufferEventConnected()
        }
    }
}

private let outputThunk: evbuffer_cb_func = { _, change, context in
    guard let change = unsafe change, let context = unsafe context else { return }
    let source = unsafe Unmanaged<BufferEvent>.fromOpaque(context)
    unsafe source._withUnsafeGuaranteedRef { unsafe $0.outputChanged(change.pointee.n_deleted) }
}
