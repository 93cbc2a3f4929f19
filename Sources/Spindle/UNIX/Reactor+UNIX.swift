extension Reactor {
    /// Listens on a UNIX socket and serves each connection with a protocol that `factory` builds (X1).
    ///
    /// ```swift
    /// try reactor.listenUNIX("/run/app/app.sock", Factory { EchoProtocol() }, mode: 0o660, lock: true)
    /// ```
    ///
    /// The file is removed when the port stops listening, unless somebody has replaced it. Where
    /// the last server had no time for that, a file without a server is left, which is an error like any other file
    /// in the way; with `lock` such a socket, and nothing else, is taken over.
    ///
    /// - Parameters:
    ///   - path: at most 107 bytes. With a zero byte in front, an abstract name, to which mode and lock do not apply.
    ///   - backlog: how many connections the kernel may hold ready while the reactor is busy; nil for as many as it allows.
    ///     Clients of a full one wait.
    ///   - mode: who may connect: those who may write. It holds from the first moment, whatever the umask is.
    ///   - lock: whether to hold the file `path.lock`, locked while it listens and removed in the end. It keeps a second
    ///     server away, and makes it safe to take a socket over.
    /// - Throws: ``CannotListenError`` naming path and reason (F2); `EADDRINUSE` where something is in the way.
    @discardableResult
    public func listenUNIX(
        _ path: String, _ factory: Factory, backlog: Int? = nil, mode: Int = 0o666, lock: Bool = false
    ) throws -> ListeningPort {
        try ListenPlan.unix(path: path, backlog: backlog, mode: mode, usesLock: lock).listen(on: self, factory)
    }

    /// Connects to a UNIX socket and serves the connection with a protocol that `factory` builds.
    ///
    /// Returns at once; whatever comes of it, an impossible path included, the factory hears in a later pass (F4).
    ///
    /// - Parameters:
    ///   - path: at most 107 bytes; with a zero byte in front, an abstract name.
    ///   - timeout: how long to go on knocking while the server's backlog is full; nil means for ever.
    ///   - checkLock: whether to connect only if a server holds the socket's lock; see
    ///     ``listenUNIX(_:_:backlog:mode:lock:)``. Fails with ``BadFileError`` if not, or if this process may not
    ///     read the lock, which only the server's user may.
    @discardableResult
    public func connectUNIX(
        _ path: String, _ factory: ClientFactory, timeout: Duration? = .seconds(30), checkLock: Bool = false
    ) -> Connector {
        ConnectPlan(unix: path, timeout: timeout, checksLock: checkLock).startConnector(on: self, factory)
    }
}
