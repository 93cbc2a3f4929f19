/// Two tasks wanted to read from the same ``Connection``, or to take connections from the same
/// ``ConnectionListener``, at the same time.
public struct AlreadyReadingError: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "another task is reading from here already: one at a time" }
}
