internal import CLinux
import Glibc

/// An eventfd: how another thread interrupts the loop's wait. Sendable; signalling it is all anyone does.
final class Wakeup: Sendable {
    let descriptor: CInt

    init() throws(SystemError) {
        descriptor = try Self.open()
    }

    deinit { close(descriptor) }

    private static func open() throws(SystemError) -> CInt {
        let descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard descriptor >= 0 else { throw SystemError(errno, "eventfd") }
        return descriptor
    }

    /// In a child process: takes leave of the parent's.
    func renew() throws(SystemError) { try Descriptor.replace(descriptor, by: try Self.open()) }

    /// Wakes the loop, or has it not wait at all when it is awake. Async-signal-safe.
    func signal() { eventfd_write(descriptor, 1) }
}
