internal import CLinux
import Glibc

/// A timerfd on the monotonic clock: libevent's own timers are as coarse as the kernel's tick,
/// and its precise mode pays a system call in every pass.
final class TimerDescriptor {
    let descriptor: CInt

    init() throws(SystemError) {
        descriptor = try Self.open()
    }

    deinit { close(descriptor) }

    private static func open() throws(SystemError) -> CInt {
        let descriptor = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_CLOEXEC | TFD_NONBLOCK))
        guard descriptor >= 0 else { throw SystemError(errno, "timerfd_create") }
        return descriptor
    }

    /// In a child process: takes leave of the parent's. The new one is not armed.
    func renew() throws(SystemError) { try Descriptor.replace(descriptor, by: try Self.open()) }

    /// Becomes readable when the clock reaches `deadline`, replacing any earlier setting.
    func arm(at deadline: MonotonicTime) {
        var setting = itimerspec()
        setting.it_value = deadline.timespec
        unsafe timerfd_settime(descriptor, Int32(TFD_TIMER_ABSTIME), &setting, nil)
    }
}
