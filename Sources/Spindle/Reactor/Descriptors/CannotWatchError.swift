import Glibc

/// A descriptor cannot be watched.
public struct CannotWatchError: Error, Hashable, Sendable, CustomStringConvertible {
    public let descriptor: CInt
    /// `EBADF` when nothing is open by that number; `EPERM` when there is nothing to wait for, as with a regular file or
    /// a directory, which are always ready; `ENOSPC` or `ENOMEM` when the kernel has no room for one more.
    public let errno: Int32

    public var description: String {
        let reason = errno == EPERM ? "it is one that is always ready, like a file's" : SystemError.text(errno)
        return "cannot watch descriptor \(descriptor): \(reason)"
    }
}
