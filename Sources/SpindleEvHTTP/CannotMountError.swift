/// A handler cannot be mounted on an `evhttp`; see ``Spindle/Reactor/mount(on:path:limit:_:)-(_,_,_,(EvHTTPRequest)->EvHTTPResponse)``.
public struct CannotMountError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: String, Sendable {
        case null = "the pointer is NULL"
        case wrongThread = "this is not the reactor's thread"
        case otherBase = "the evhttp is on another event_base than the reactor's"
        case notAPath = "a path begins with a slash and has no zero byte in it"
        case taken = "there is something on this path already"
        case noMemory = "memory is short"
    }

    public let path: String
    public let reason: Reason

    public var description: String { "cannot mount a handler on \(path): \(reason.rawValue)" }
}
