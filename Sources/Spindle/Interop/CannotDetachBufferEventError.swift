/// A `bufferevent` that cannot be given back.
public struct CannotDetachBufferEventError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        /// The transport was not made by ``Reactor/adopt(bufferEvent:protocol:)``.
        case notAdopted
        /// The connection is closing.
        case closing
        /// The connection is over, or broken: the bufferevent is gone.
        case lost
        /// Descriptors wait to be sent, which a bufferevent cannot do.
        case descriptorsWaiting
        /// There is no memory for what goes back into its input.
        case noMemory
    }

    public let reason: Reason

    init(_ reason: Reason) { self.reason = reason }

    public var description: String {
        let what =
            switch reason {
            case .notAdopted: "the transport was not made from one"
            case .closing: "the connection is closing"
            case .lost: "the connection is over"
            case .descriptorsWaiting: "descriptors wait to be sent"
            case .noMemory: "memory is short"
            }
        return "cannot detach the bufferevent: \(what)"
    }
}
