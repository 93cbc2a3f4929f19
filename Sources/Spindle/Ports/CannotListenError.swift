/// Listening failed: where, and why.
///
/// Its description is one line for the person who started the program, such as
/// `cannot listen on 127.0.0.1:8000: Address already in use`.
public struct CannotListenError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was to be listened on.
    public enum Place: Hashable, Sendable {
        /// An interface, empty for all of them, and a port.
        case tcp(interface: String, port: Int)
        /// A path or, with an @ in front, an abstract name.
        case unix(path: String)
        /// A socket that somebody else had opened.
        case descriptor(CInt)
    }

    public let place: Place
    /// The kernel's reason, such as `EADDRINUSE`; nil where the kernel was not asked.
    public let errno: Int32?
    /// The reason in words.
    public let reason: String

    /// The interface that was asked for; empty for all of them, and where there is no such thing.
    public var interface: String { if case .tcp(let interface, _) = place { interface } else { "" } }

    /// The port that was asked for; 0 where there is no such thing.
    public var port: Int { if case .tcp(_, let port) = place { port } else { 0 } }

    init(_ place: Place, _ error: SystemError) {
        self.place = place
        errno = error.errno
        reason = SystemError.text(error.errno)
    }

    init(_ place: Place, _ reason: String, errno: Int32? = nil) {
        self.place = place
        self.errno = errno
        self.reason = reason
    }

    public var description: String { "cannot listen on \(placeText): \(reason)" }

    private var placeText: String {
        switch place {
        case .tcp(let interface, let port):
            "\(interface.isEmpty ? "*" : interface.contains(":") ? "[\(interface)]" : interface):\(port)"
        case .unix(let path): path
        case .descriptor(let number): "descriptor \(number)"
        }
    }
}
