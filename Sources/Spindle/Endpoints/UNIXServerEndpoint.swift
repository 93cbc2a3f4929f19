/// Listens on a UNIX socket; see ``Reactor/listenUNIX(_:_:backlog:mode:lock:)``.
///
/// ```swift
/// UNIXServerEndpoint(reactor, "/run/app/app.sock", mode: 0o660).listen(EchoFactory())
/// ```
public struct UNIXServerEndpoint: StreamServerEndpoint {
    private let reactor: Reactor
    private let plan: ListenPlan

    /// - Parameters:
    ///   - path: at most 107 bytes; with a zero byte in front, an abstract name.
    ///   - mode: who may connect: those who may write.
    ///   - lock: whether to hold `path.lock`, and to take over what a dead server has left.
    public init(
        _ reactor: Reactor, _ path: String, backlog: Int? = nil, mode: Int = 0o666, lock: Bool = false
    ) {
        self.reactor = reactor
        plan = .unix(path: path, backlog: backlog, mode: mode, usesLock: lock)
    }

    @discardableResult
    public func listen(_ factory: Factory) -> Deferred<ListeningPort> {
        Deferred(Result { try plan.listen(on: reactor, factory) })
    }
}
