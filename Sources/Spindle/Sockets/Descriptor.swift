import Glibc

/// What the kernel does with any descriptor, whatever is behind it.
enum Descriptor {
    /// A close-on-exec copy of somebody's descriptor, which remains theirs to close.
    static func copy(of original: CInt) throws(SystemError) -> CInt {
        let copy = fcntl(original, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw SystemError(errno, "fcntl (F_DUPFD_CLOEXEC)") }
        return copy
    }
}
