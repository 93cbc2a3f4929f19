import CLibEvent
import Glibc
import Spindle
import Testing

/// An `evconnlistener` as a C program has it: with callbacks of its own, on a descriptor of its own.
final class CListener {
    let raw: OpaquePointer
    /// Its own copy of the listening descriptor.
    let descriptor: CInt
    private let calls = UnsafeMutablePointer<CInt>.allocate(capacity: 1)

    /// - Parameter original: a listening socket, of which it makes a copy.
    init(_ base: OpaquePointer?, _ original: CInt, closesOnFree: Bool = true, isEnabled: Bool = true) throws {
        calls.initialize(to: 0)
        descriptor = fcntl(original, F_DUPFD_CLOEXEC, 0)
        // As a careless program has it.
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
        let flags =
            (closesOnFree ? UInt32(LEV_OPT_CLOSE_ON_FREE) : 0) | (isEnabled ? 0 : UInt32(LEV_OPT_DISABLED))
            | UInt32(LEV_OPT_LEAVE_SOCKETS_BLOCKING)
        raw = try #require(evconnlistener_new(base, Self.accepted, calls, flags, 0, descriptor))
    }

    deinit { calls.deallocate() }

    /// How many connections C has been called for; it closes them.
    var accepted: Int { Int(calls.pointee) }

    /// What C does to go on with it once it has it back.
    func takeBack() {
        evconnlistener_set_cb(raw, Self.accepted, calls)
        evconnlistener_enable(raw)
    }

    private static let accepted: evconnlistener_cb = { _, descriptor, _, _, context in
        context?.assumingMemoryBound(to: CInt.self).pointee += 1
        close(descriptor)
    }
}
