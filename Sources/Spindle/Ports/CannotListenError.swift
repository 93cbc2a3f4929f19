/// Listening failed: where, and why.
///
/// Its description is one line for the person who started the program, such as
/// `cannot listen on 127.0.0.1:8000: Address already in use`.
public struct CannotListenError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The interface that was asked for; empty for all of them.
    public let interface: String
    public let port: Int
    /// The kernel's reason, such as `EADDRINUSE`; nil if the address itself was malformed.
    public let errno: Int32?
    /// The reason in words.
    public let reason: String

    init(_ interface: String, _ port: Int, _ error: SystemError) {
        self.interface = interface
        self.port = port
        errno = error.errno
        reason = SystemError.text(error.errno)
    }

    init(_ error: InvalidAddressError, interface: String) {
        self.interface = interface
        port = error.port
        errno = nil
        reason = error.reason
    }

    public var description: String {
        let host = interface.isEmpty ? "*" : interface.contains(":") ? "[\(interface)]" : interface
        return "cannot listen on \(host):\(port): \(reason)"
    }
}
