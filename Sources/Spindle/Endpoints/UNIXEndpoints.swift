/// Listens on a UNIX socket; see ``Reactor/listenUNIX(_:_:backlog:mode:lock:)``.
///
/// ```swift
/// UNIXServerEndpoint(reactor, "/run/app/app.sock", mode: 0o660).listen(EchoFactory())
/// ```
public struct UNIXServerEndpoint: StreamServerEndpoint {
    private let reactor: Reactor
    private let path: String
    private let backlog: Int
    private let mode: Int
    private let lock: Bool

    /// - Parameters:
    ///   - path: at most 107 bytes; with a zero byte in front, an abstract name.
    ///   - mode: who may connect: those who may write.
    ///   - lock: whether to hold `path.lock`, and to take over what a dead server has left.
    public init(
        _ reactor: Reactor, _ path: String, backlog: Int = 50, mode: Int = 0o666, lock: Bool = false
    ) {
        self.reactor = reactor
        self.path = path
        self.backlog = backlog
        self.mode = mode
        self.lock = lock
    }

    @discardableResult
    public func listen(_ factory: Factory) -> Deferred<ListeningPort> {
        Deferred(Result { try reactor.listenUNIX(path, factory, backlog: backlog, mode: mode, lock: lock) })
    }
}

/// Connects to a UNIX socket.
public struct UNIXClientEndpoint: StreamClientEndpoint {
    private let reactor: Reactor
    private let plan: ConnectPlan

    /// - Parameters:
    ///   - path: at most 107 bytes; with a zero byte in front, an abstract name.
    ///   - timeout: how long to go on knocking while the server's backlog is full; nil means for ever.
    ///   - checkLock: whether to fail with ``BadFileError`` unless a server holds `path.lock`.
    public init(
        _ reactor: Reactor, _ path: String, timeout: Duration? = .seconds(30), checkLock: Bool = false
    ) {
        self.reactor = reactor
        plan = ConnectPlan(unix: path, timeout: timeout, checksLock: checkLock)
    }

    @discardableResult
    public func connect(_ factory: Factory) -> Deferred<Protocol> { reactor.connect(plan, factory) }
}
