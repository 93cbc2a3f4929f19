internal import Spindle

/// A reactor that C has a handle of.
final class NamedReactor: Handled {
    static let kind = "reactor"
    let reactor: Reactor
    var owner: ReactorHandle { reactor.handle }
    var handle: Handle?

    init(_ reactor: Reactor) {
        self.reactor = reactor
        issue()
    }

    /// The reactor on C's base: the one that is there, whoever put it there, or a new one.
    static func attached(to base: OpaquePointer?, _ options: Reactor.Options) throws -> NamedReactor {
        guard let reactor = try unsafe reactor(on: base) else {
            return try unsafe NamedReactor(Reactor(adopting: base, options: options))
        }
        if reactor.wasInvalidated { throw Refusal(.state, "the event_base is being detached from") }
        return all(of: reactor.handle).first ?? NamedReactor(reactor)
    }

    /// The reactor on C's base, if there is one.
    ///
    /// - Throws: ``Refusal`` if that is another thread's.
    static func reactor(on base: OpaquePointer?) throws -> Reactor? {
        guard let base = unsafe base, let owner = unsafe AdoptedReactors.handle(on: base) else { return nil }
        guard owner.claim() else { throw Refusal(.thread, "called on another thread than the reactor's") }
        return unsafe Reactor.adopted(on: base)
    }

    /// The reactor that a handle names.
    ///
    /// - Throws: ``Refusal``, also if Swift code has invalidated it.
    static func reactor(_ handle: OpaquePointer?) throws -> Reactor {
        let reactor = try unsafe find(handle).reactor
        if reactor.wasInvalidated { throw ReactorInvalidated() }
        return reactor
    }

    /// Ends all that C has handles of on a reactor, and the handles. `lost` is called for each connection.
    static func retireAll(of owner: ReactorHandle) {
        for connection in CallbackConnection.all(of: owner) { connection.abandon() }
        for port in NamedPort.all(of: owner) { port.close() }
        for timer in NamedTimer.all(of: owner) { timer.retire() }
        for reactor in all(of: owner) { reactor.retire() }
    }
}
