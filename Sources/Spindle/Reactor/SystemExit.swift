/// Thrown out of a program run by ``Reactor/react(options:_:)``: ends the process with this status, and no message.
public struct SystemExit: Error, Hashable, Sendable, CustomStringConvertible {
    /// What the parent process gets to see: the lowest eight bits of this, so 256 is a success.
    public let status: Int32

    public init(_ status: Int32) { self.status = status }

    public var description: String { "exit with status \(status)" }
}
