internal import CLinux
import Glibc

/// What the kernel does with any descriptor, whatever is behind it.
enum Descriptor {
    /// A close-on-exec copy of somebody's descriptor, which remains theirs to close.
    static func copy(of original: CInt) throws(SystemError) -> CInt {
        let copy = fcntl(original, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw SystemError(errno, "fcntl (F_DUPFD_CLOEXEC)") }
        return copy
    }

    /// Opens /dev/null in the place of standard input, output and error where these are closed: the next descriptors would get
    /// their numbers, and be taken for them.
    static func fillStandardNumbers() {
        for number in 0...2 as ClosedRange<CInt> where fcntl(number, F_GETFD) < 0 && errno == EBADF {
            // The lowest number that is free.
            _ = unsafe open("/dev/null", O_RDWR)
        }
    }

    /// Gives a descriptor's number to `replacement`, so that whoever knows it by number goes on with the new one: in a child
    /// process, which shares its descriptors with its parent.
    static func replace(_ descriptor: CInt, by replacement: CInt) throws(SystemError) {
        defer { close(replacement) }
        guard dup2(replacement, descriptor) >= 0 else { throw SystemError(errno, "dup2") }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    /// Takes note of an eventfd's or a timerfd's news, so that it is not readable any more.
    static func drain(_ descriptor: CInt) {
        var count: UInt64 = 0
        _ = unsafe read(descriptor, &count, MemoryLayout<UInt64>.size)
    }

    /// Why epoll would refuse to watch a descriptor: `EBADF`, or `EPERM` for what is always ready, such as a regular
    /// file or /dev/null. Nil if it can, or if there are no descriptors left to find that out by.
    ///
    /// libevent, when it is refused, says so on standard error.
    static func whyUnwatchable(_ descriptor: CInt) -> CInt? {
        let probe = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard probe >= 0 else { return nil }
        defer { close(probe) }
        var interest = unsafe epoll_event()
        return unsafe epoll_ctl(probe, EPOLL_CTL_ADD, descriptor, &interest) == 0 ? nil : errno
    }
}
