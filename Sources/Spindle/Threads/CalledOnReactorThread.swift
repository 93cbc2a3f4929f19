/// Something that waits for a reactor was called on that reactor's own thread, where it would wait for ever.
public struct CalledOnReactorThread: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "a call that waits for the reactor was made on the reactor's own thread" }
}
