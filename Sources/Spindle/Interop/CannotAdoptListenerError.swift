/// A C program's `evconnlistener` cannot be adopted; see ``Reactor/adopt(listener:factory:)``.
public struct CannotAdoptListenerError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: String, Sendable {
        case null = "the pointer is NULL"
        case wrongThread = "this is not the reactor's thread"
        case otherBase = "it is on another event_base than the reactor's"
        case alreadyAdopted = "it has been adopted already"
    }

    public let reason: Reason

    public var description: String { "cannot adopt the evconnlistener: \(reason.rawValue)" }
}

/// A port has no `evconnlistener` to give back; see ``ListeningPort/detachListener()``.
public struct CannotDetachListenerError: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "the port has no evconnlistener of a C program, or has it no more" }
}
