/// A descriptor could not be sent.
public struct CannotSendDescriptorError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Cause: Hashable, Sendable {
        /// The transport is no UNIX socket, or not connected yet.
        case notUNIX
        /// There are no bytes for it to travel with.
        case noData
        /// The descriptor could not be copied: `EBADF`, if it is none, or `EMFILE`.
        case kernel(errno: Int32)
    }

    public let cause: Cause

    public init(_ cause: Cause) { self.cause = cause }

    public var description: String {
        switch cause {
        case .notUNIX: "cannot send a descriptor: the transport is no connected UNIX socket"
        case .noData: "cannot send a descriptor without a byte of data to travel with"
        case .kernel(let errno): "cannot send a descriptor: \(SystemError.text(errno))"
        }
    }
}
