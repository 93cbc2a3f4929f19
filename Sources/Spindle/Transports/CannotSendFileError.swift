import Glibc

/// A file could not be sent: which one, and why.
///
/// Its description is one line, such as `cannot send /srv/x: No such file or directory`.
public struct CannotSendFileError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum File: Hashable, Sendable, CustomStringConvertible {
        case path(String)
        /// The number that was given, not that of the copy.
        case descriptor(CInt)

        public var description: String {
            switch self {
            case .path(let path): path
            case .descriptor(let number): "descriptor \(number)"
            }
        }
    }

    /// What was to be sent.
    public let file: File
    /// The kernel's reason, such as `ENOENT`; `EINVAL` for what is not a regular file, `ERANGE` for a part that it does not have.
    public let errno: Int32
    /// The reason in words.
    public let reason: String

    init(_ file: File, _ errno: Int32, _ reason: String) {
        self.file = file
        self.errno = errno
        self.reason = reason
    }

    init(_ file: File, _ error: SystemError) { self.init(file, error.errno, SystemError.text(error.errno)) }

    public var description: String { "cannot send \(file): \(reason)" }
}
