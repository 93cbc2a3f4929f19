/// An `event_base` that no reactor can be put on.
public struct CannotAdoptBaseError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        /// The pointer is NULL.
        case null
        /// The base was made by another copy of libevent than the one that Spindle calls: most often by one that is linked
        /// statically into the program.
        case anotherLibevent
        /// There is a reactor on it: ``Reactor/adopted(on:)`` returns it.
        case adoptedAlready
    }

    public let reason: Reason

    public var description: String {
        let what =
            switch reason {
            case .null: "it is NULL"
            case .anotherLibevent:
                "it was made by another copy of libevent than Spindle's; link the program with the shared libevent_core"
            case .adoptedAlready: "it has a reactor already, which Reactor.adopted(on:) returns"
            }
        return "cannot adopt the event_base: \(what)"
    }
}
