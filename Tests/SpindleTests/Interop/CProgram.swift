import CLibEvent
import Glibc
import Testing

@testable import Spindle

/// A bufferevent as a C program has it, with that program's callbacks.
final class CProgram {
    let raw: OpaquePointer
    /// What its read callback was given and took.
    private(set) var taken = ""
    var onRead: (CProgram) -> Void = { _ in }
    private(set) var events: [Int32] = []

    init(_ raw: OpaquePointer?) throws {
        self.raw = try #require(raw)
        let context = Unmanaged.passUnretained(self).toOpaque()
        bufferevent_setcb(
            self.raw, { _, me in CProgram.of(me).wasRead() }, { _, _ in },
            { _, what, me in CProgram.of(me).events.append(Int32(what)) }, context)
    }

    private static func of(_ context: UnsafeMutableRawPointer?) -> CProgram {
        Unmanaged<CProgram>.fromOpaque(context!).takeUnretainedValue()
    }

    /// One end of a socket pair, being read by C, and the other one.
    static func pair(on reactor: Reactor, options: bufferevent_options = bufferevent_options(0)) throws -> (
        CProgram, Peer
    ) {
        let (ours, peer) = try Peer.pair()
        defer { ours.close() }
        let descriptor = fcntl(ours.descriptor, F_DUPFD_CLOEXEC, 0)
        evutil_make_socket_nonblocking(descriptor)
        let program = try CProgram(bufferevent_socket_new(reactor.eventBase, descriptor, Int32(options.rawValue)))
        bufferevent_enable(program.raw, Int16(EV_READ))
        return (program, peer)
    }

    func free() {
        let descriptor = bufferevent_getfd(raw)
        bufferevent_setfd(raw, -1)
        bufferevent_free(raw)
        close(descriptor)
    }

    func write(_ text: String) {
        var text = text
        _ = text.withUTF8 { bufferevent_write(raw, $0.baseAddress, $0.count) }
    }

    private func wasRead() { onRead(self) }

    /// What is in its input.
    var unread: String {
        let input = bufferevent_get_input(raw)
        var bytes = [UInt8](repeating: 0, count: evbuffer_get_length(input))
        evbuffer_copyout(input, &bytes, bytes.count)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Takes all of the input, and returns all that was taken so far.
    @discardableResult
    func take() -> String {
        taken += unread
        evbuffer_drain(bufferevent_get_input(raw), evbuffer_get_length(bufferevent_get_input(raw)))
        return taken
    }

    var outputLength: Int { evbuffer_get_length(bufferevent_get_output(raw)) }

    /// All that adopting sets aside.
    var settings: [UInt] {
        var (reader, writer): (bufferevent_data_cb?, bufferevent_data_cb?) = (nil, nil)
        var eventCallback: bufferevent_event_cb?
        var context: UnsafeMutableRawPointer?
        var (low, high, writeLow, writeHigh) = (0, 0, 0, 0)
        bufferevent_getcb(raw, &reader, &writer, &eventCallback, &context)
        bufferevent_getwatermark(raw, Int16(EV_READ), &low, &high)
        bufferevent_getwatermark(raw, Int16(EV_WRITE), &writeLow, &writeHigh)
        return [
            unsafeBitCast(reader, to: UInt.self), unsafeBitCast(writer, to: UInt.self),
            unsafeBitCast(eventCallback, to: UInt.self), UInt(bitPattern: context), UInt(low), UInt(high),
            UInt(writeLow), UInt(writeHigh), UInt(bufferevent_get_max_single_write(raw)),
            UInt(bufferevent_get_enabled(raw)),
        ]
    }
}

extension Reactor {
    /// Runs the loop until something else than it would have it wait.
    func pollOnce() throws {
        callWhenRunning { [unowned self] in callLater(.milliseconds(5)) { [unowned self] in try stop() } }
        try runWatched()
    }
}
