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
    public func connect(_ factory: Factory) -> Deferred<Protocol> { plan.connect(on: reactor, factory) }
}
