/// Builds a ``Protocol`` for each connection, and holds what they share.
///
/// ```swift
/// final class ChatFactory: Factory {
///     var members: [Member] = []
///     override func buildProtocol(_ address: SocketAddress) -> Protocol? { Member() }
/// }
/// ```
///
/// Where there is nothing to share a closure will do: `Factory { EchoProtocol() }`.
open class Factory {
    private let build: (() -> Protocol?)?
    private var uses = 0

    /// A factory that builds nothing; subclasses override ``buildProtocol(_:)``.
    public init() { build = nil }

    /// A factory that calls `build` for each connection.
    ///
    /// Have `build` make a new protocol each time. One that hands out a protocol which it holds is a cycle: the protocol holds this
    /// factory, the factory holds the closure, and that holds the protocol, and with it the reactor.
    public init(_ build: @escaping () -> Protocol?) { self.build = build }

    /// Returns the protocol for a new connection, or nil to refuse it.
    ///
    /// A refused connection is closed and accepting goes on; a client endpoint fails with ``NoProtocol`` (S4).
    ///
    /// - Parameter address: the other end.
    open func buildProtocol(_ address: SocketAddress) -> Protocol? { build?() }

    /// Called when the first port or connection attempt begins to use the factory (F1).
    open func startFactory() {}

    /// Called when the last port or connection attempt has stopped using it (F1). Connections do not count.
    open func stopFactory() {}

    /// Makes what the bytes of each connection pass through that gets its protocol here, unless where it comes from has one for it.
    package final var makeFilter: (() -> any StreamFilter)?

    final func makeProtocol(for address: SocketAddress) -> Protocol? {
        let made = buildProtocol(address)
        made?.attach(to: self)
        return made
    }

    final func beginUse() {
        uses += 1
        if uses == 1 { startFactory() }
    }

    final func endUse() {
        uses -= 1
        if uses == 0 { stopFactory() }
    }
}

@available(*, unavailable)
extension Factory: Sendable {}
