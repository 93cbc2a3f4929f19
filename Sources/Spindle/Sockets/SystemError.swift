import Glibc

/// A system call that failed: which one, and the kernel's reason.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kernel's error number, such as `EADDRINUSE`.
    public let errno: Int32
    /// The name of the call that failed, such as `bind`.
    public let call: String

    public init(_ errno: Int32, _ call: String) {
        self.errno = errno
        self.call = call
    }

    /// The error as a person reads it, for example `bind: Address already in use`.
    public var description: String { "\(call): \(Self.text(errno))" }

    /// Whether the kernel was short of descriptors or of memory.
    var meansShortage: Bool { [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) }

    /// The C library's text for an error number.
    static func text(_ errno: Int32) -> String {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let text = buffer.baseAddress, unsafe strerror_r(errno, text, buffer.count) == 0 else {
                return "error \(errno)"
            }
            return unsafe String(cString: text)
        }
    }
}
