import Glibc

/// An open descriptor and the duty to close it, which is done when this value goes out of scope.
public struct ReceivedDescriptor: ~Copyable, Sendable {
    /// The descriptor, for use as long as this value lives. It is close-on-exec.
    public let rawValue: CInt

    /// Takes a descriptor over.
    public init(owning descriptor: CInt) { rawValue = descriptor }

    deinit { close(rawValue) }

    /// Hands out the descriptor, and with it the duty to close it.
    public consuming func release() -> CInt {
        let descriptor = rawValue
        discard self
        return descriptor
    }
}
