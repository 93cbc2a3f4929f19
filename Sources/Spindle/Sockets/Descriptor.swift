import Glibc

/// What the kernel does with any descriptor, whatever is behind it.
enum Descriptor {
    /// A close-on-exec copy of somebody's descriptor, which remains theirs to close.
    static func copy(of original: CInt) throws(SystemError) -> CInt {
        let copy = fcntl(original, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw SystemError(errno, "fcntl (F_DUPFD_CLOEXEC)") }
        return copy
    }

    /// Takes note of an eventfd's or a timerfd's news, so that it is not readable any more.
    static func drain(_ descriptor: CInt) {
        var count: UInt64 = 0
        _ = unsafe read(descriptor, &count, MemoryLayout<UInt64>.size)
    }
}
