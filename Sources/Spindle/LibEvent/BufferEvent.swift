internal import CLibEvent
import Glibc

/// A libevent `bufferevent` on a socket that somebody else owns and closes.
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
    private var bytesWritten = 0
    /// Where, counted in bytes written, the last piece of a file ends.
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
        unsafe bufferevent_set_max_single_write(raw, Self.maxSingleWrite)
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe bufferevent_setcb(raw, readThunk, writeThunk, eventThunk, context)
    }

    deinit { close() }

    /// Gives up the bufferevent and everything it still holds. Nothing is called after this.
    func close() {
        guard let raw = unsafe raw else { return }
        unsafe self.raw = nil
        // Off the descriptor first: libevent frees the memory in its next pass, and by then
        // the descriptor is closed and its number may be somebody else's.
        unsafe bufferevent_setcb(raw, nil, nil, nil, nil)
        unsafe bufferevent_setfd(raw, -1)
        unsafe bufferevent_free(raw)
    }

    /// False once closed. A callback that was postponed may come later than that.
    fileprivate var isOpen: Bool { unsafe raw != nil }

    // MARK: - Output

    /// How many bytes wait to be sent.
    var outputLength: Int {
        guard let raw = unsafe raw else { return 0 }
        return unsafe evbuffer_get_length(bufferevent_get_output(raw))
    }

    /// How many bytes of its output the kernel has taken so far.
    var bytesTaken: Int { bytesWritten - outputLength }

    /// Appends a copy of `data` to the output. False only when there is no memory for it.
    func write(_ data: RawSpan) -> Bool {
        guard let raw = unsafe raw else { return false }
        bytesWritten += data.byteCount
        return unsafe data.withUnsafeBytes { bytes in
            unsafe bufferevent_write(raw, bytes.baseAddress, bytes.count) == 0
        }
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
        fileEnd = bytesWritten
        lastPiece = (copy, offset + count)
        return true
    }

    /// Whether the file of the piece that is first in line, after a `.stuckFile`, ends before the piece does.
    var isFileTooShort: Bool { lastPiece.map { ((try? $0.file.size()) ?? 0) < $0.end } ?? true }

    /// Goes on sending after a `.stuckFile`.
    ///
    /// - Parameter dropsFile: leaves out what is missing of the piece of a file that is first in line.
    func resumeWriting(dropsFile: Bool) {
        guard let raw = unsafe raw else { return }
        if dropsFile {
            // libevent guards the front of the output, which only it may take from.
            let output = unsafe bufferevent_get_output(raw)
            unsafe evbuffer_unfreeze(output, 1)
            unsafe evbuffer_drain(output, max(0, fileEnd - bytesTaken))
            unsafe evbuffer_freeze(output, 1)
        }
        unsafe bufferevent_enable(raw, Int16(EV_WRITE))
    }

    /// `outputShrank()` is called when no more than this many bytes wait.
    func setLowMark(_ mark: Int) {
        if let raw = unsafe raw { unsafe bufferevent_setwatermark(raw, Int16(EV_WRITE), mark, 0) }
    }

    // MARK: - Input

    func startReading() {
        if let raw = unsafe raw { unsafe bufferevent_enable(raw, Int16(EV_READ)) }
    }

    func stopReading() {
        if let raw = unsafe raw { unsafe bufferevent_disable(raw, Int16(EV_READ)) }
    }

    /// Moves what has arrived into `buffer`, where nothing that C does can pull it from under a span.
    func moveInput(into buffer: Buffer) {
        if let raw = unsafe raw { unsafe buffer.append(movingFrom: bufferevent_get_input(raw)) }
    }

    /// How a bufferevent says that its connection is over.
    enum Failure {
        case endOfInput
        /// A piece of a file is first in line, and sendfile(2) finds nothing of it in the file.
        case stuckFile
        case error(CInt)
    }
}

/// What a `BufferEvent` calls, on the reactor's thread, inside an entry.
protocol BufferEventHandler: AnyObject, CustomStringConvertible {
    func inputArrived()
    func outputShrank()
    func bufferEventFailed(_ failure: BufferEvent.Failure)
}

private let readThunk: bufferevent_data_cb = { _, context in
    unsafe BufferEvent.enter(context) { if $0.isOpen { $0.handler.inputArrived() } }
}

private let writeThunk: bufferevent_data_cb = { _, context in
    unsafe BufferEvent.enter(context) { if $0.isOpen { $0.handler.outputShrank() } }
}

private let eventThunk: bufferevent_event_cb = { _, what, context in
    // errno means something only with the error flag: at end of input it is left over from elsewhere.
    let code = errno
    let failure: BufferEvent.Failure =
        if Int32(what) & BEV_EVENT_ERROR != 0 {
            .error(code)
        } else if Int32(what) & BEV_EVENT_TIMEOUT != 0 {
            .error(ETIMEDOUT)
        } else if Int32(what) & BEV_EVENT_WRITING != 0 {
            .stuckFile
        } else {
            .endOfInput
        }
    unsafe BufferEvent.enter(context) { if $0.isOpen { $0.handler.bufferEventFailed(failure) } }
}
