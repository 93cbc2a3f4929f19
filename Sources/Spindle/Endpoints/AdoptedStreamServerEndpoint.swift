/// Listens on a socket that somebody else has opened; see ``Reactor/adoptStreamPort(_:_:)``.
///
/// ```swift
/// let web = try SystemdSockets.inherited().descriptors(named: "web")[0]
/// AdoptedStreamServerEndpoint(reactor, web).listen(factory)
/// ```
///
/// The descriptor remains the caller's, to be closed after ``listen(_:)``: that makes a copy.
public final class AdoptedStreamServerEndpoint: StreamServerEndpoint {
    private let reactor: Reactor
    private let descriptor: CInt
    private var hasListened = false

    public init(_ reactor: Reactor, _ descriptor: CInt) {
        self.reactor = reactor
        self.descriptor = descriptor
    }

    /// Listens, once: a second call fails with ``AlreadyListened``.
    @discardableResult
    public func listen(_ factory: Factory) -> Deferred<ListeningPort> {
        guard !hasListened else { return Deferred(.failure(AlreadyListened())) }
        hasListened = true
        return Deferred(Result { try reactor.adoptStreamPort(descriptor, factory) })
    }
}

/// An endpoint that can listen only once was told to do so again.
public struct AlreadyListened: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "the endpoint's socket has been listened on already" }
}
