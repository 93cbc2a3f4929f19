internal import CLibEvent
import Glibc

/// An eventfd: how another thread interrupts the loop's wait. Sendable; signalling it is all anyone does.
final class Wakeup: Sendable {
    let descriptor: CInt

    init() throws(SystemError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard descriptor >= 0 else { throw SystemError(errno, "eventfd") }
    }

    deinit { close(descriptor) }

    /// Wakes the loop, or has it not wait at all when it is awake. Async-signal-safe.
    func signal() { eventfd_write(descriptor, 1) }
}
