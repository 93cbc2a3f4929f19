import Glibc

/// A signal cannot be handled.
public struct CannotHandleSignalError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The signal.
    public let signal: Int32
    /// `EBUSY` when another reactor of the process handles it; `EINVAL` when there is no such signal, the kernel
    /// lets nobody handle it (`SIGKILL`, `SIGSTOP`), or it tells of a fault that would only occur again (`SIGSEGV`).
    public let errno: Int32

    public var description: String {
        let reason =
            switch errno {
            case EBUSY: "another reactor handles it"
            case EINVAL: "it is none that a program can handle"
            default: SystemError.text(errno)
            }
        return "cannot handle signal \(signal): \(reason)"
    }
}
