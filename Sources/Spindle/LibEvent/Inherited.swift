import Glibc

/// What a child process shares with its parent, and has to replace.
enum Inherited {
    /// Gives `descriptor`'s number to `replacement`, so that whoever knows it by number goes on with the new one.
    static func replace(_ descriptor: CInt, by replacement: CInt) throws(SystemError) {
        defer { close(replacement) }
        guard dup2(replacement, descriptor) >= 0 else { throw SystemError(errno, "dup2") }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }
}
