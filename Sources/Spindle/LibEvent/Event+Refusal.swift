internal import CLibEvent
import Glibc

extension Event {
    /// Why epoll would refuse to watch a descriptor: `EBADF`, or `EPERM` for what is always ready, such as a regular
    /// file or /dev/null. Nil if it can, or if there are no descriptors left to find that out by.
    ///
    /// libevent, when it is refused, says so on standard error.
    static func refusal(of descriptor: CInt) -> CInt? {
        let probe = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard probe >= 0 else { return nil }
        defer { close(probe) }
        var interest = unsafe epoll_event()
        return unsafe epoll_ctl(probe, EPOLL_CTL_ADD, descriptor, &interest) == 0 ? nil : errno
    }
}
