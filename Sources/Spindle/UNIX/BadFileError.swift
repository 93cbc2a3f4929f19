/// Nobody listens at a UNIX socket's path, as far as its lock tells.
public struct BadFileError: Error, Hashable, Sendable, CustomStringConvertible {
    public let address: SocketAddress
    /// What is wrong with the lock.
    public let reason: String
    public var description: String { "cannot connect to \(address): \(reason)" }
}
