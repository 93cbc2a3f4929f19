/// A connection's protocol is not of the type that was asked for.
public struct WrongProtocolError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name of the type that was asked for.
    public let wanted: String
    /// The name of the type that the factory built.
    public let built: String

    init(wanted: Protocol.Type, built: Protocol) {
        self.wanted = "\(wanted)"
        self.built = "\(type(of: built))"
    }

    public var description: String { "the factory built a \(built), not a \(wanted)" }
}
