/// A `bufferevent` that cannot be adopted.
public struct CannotAdoptBufferEventError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        /// The pointer is NULL.
        case null
        /// It is not on this reactor's `event_base`.
        case anotherBase
        /// It is a transport's: adopted before, or made by Spindle.
        case adoptedAlready
        /// It is one of a pair whose other one has been freed, and will never say anything.
        case noOtherEnd
        /// The calling thread is not the reactor's.
        case wrongThread
        /// The reactor is being stopped, or was invalidated.
        case reactorStopped
    }

    public let reason: Reason

    init(_ reason: Reason) { self.reason = reason }

    public var description: String {
        let what =
            switch reason {
            case .null: "it is NULL"
            case .anotherBase: "it is on another event_base than the reactor"
            case .adoptedAlready: "a transport has it already"
            case .noOtherEnd: "the other bufferevent of its pair has been freed"
            case .wrongThread: "this is not the reactor's thread; come in through ReactorHandle.callFromThread"
            case .reactorStopped: "the reactor is stopping, or was invalidated"
            }
        return "cannot adopt the bufferevent: \(what)"
    }
}
