extension Reactor {
    /// The threads of this reactor, for ``deferToThread(_:fileID:line:)`` and ``callInThread(_:fileID:line:)``.
    ///
    /// Made when it is first asked for, as large as ``Options/threadPoolSize`` says. When the reactor stops, so does
    /// its pool (R4); one that runs again has a new one. Names are looked up on other threads (H2).
    public var threadPool: ThreadPool {
        requireThread()
        if let ownThreadPool { return ownThreadPool }
        let pool = ThreadPool(size: options.threadPoolSize, logger: logger)
        ownThreadPool = pool
        return pool
    }

    /// Runs `body` on a thread of its own kind, and returns a Deferred with what it returns or throws.
    ///
    /// ```swift
    /// override func dataReceived(_ data: RawSpan) {
    ///     let password = String(decoding: data)
    ///     reactor.deferToThread { slowHash(password) }
    ///         .addCallback { hash in self.transport.write(hash) }
    /// }
    /// ```
    ///
    /// In a spawned task: `let hash = try await reactor.deferToThread { slowHash(password) }.value()`.
    ///
    /// What `body` captures is handed over to the thread, and what it returns is handed back; neither has to be
    /// Sendable, but the compiler refuses what the reactor still uses, such as `self` of a protocol. The Deferred
    /// fires on the reactor (H2), when that runs; `body` does not wait for it to run.
    ///
    /// Cancelling the Deferred drops a job that has not begun. One that has goes on, and its result is
    /// dropped. When the reactor stops, jobs are given ``Options/shutdownGrace``; the
    /// Deferreds of those that are not done then fail with ``ThreadPoolStopped``.
    public func deferToThread<Value>(
        _ body: sending @escaping () throws -> sending Value,
        fileID: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<Value> {
        deferToThreadPool(threadPool, body, fileID: fileID, line: line)
    }

    /// As ``deferToThread(_:fileID:line:)``, on a pool that is not the reactor's own.
    ///
    /// The reactor does not wait for that pool when it stops. A result that comes after that waits for its next ``run()``.
    public func deferToThreadPool<Value>(
        _ pool: ThreadPool, _ body: sending @escaping () throws -> sending Value,
        fileID: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<Value> {
        requireThread()
        if wasInvalidated { return Deferred(.failure(ReactorInvalidated()), fileID: fileID, line: line) }
        warnIfDetached("deferToThread")
        return pool.workers.answer(on: self, Origin(fileID: fileID, line: line)) { refusal in
            if let refusal { throw refusal }
            return try body()
        }
    }

    /// Runs `body` on a thread of the reactor's pool. What it throws is logged.
    ///
    /// ```swift
    /// let me = reactor.bound(self)
    /// reactor.callInThread {
    ///     for line in try readLines(path) {
    ///         me.handle.callFromThread { reactor in me.value(on: reactor).transport.write(line) }
    ///     }
    /// }
    /// ```
    public func callInThread(
        _ body: sending @escaping () throws -> Void, fileID: StaticString = #fileID, line: UInt = #line
    ) {
        threadPool.callInThread(body, fileID: fileID, line: line)
    }

    /// Has the threads of the reactor's own pool end, as the last thing in its shutdown.
    ///
    /// - Returns: whether they have ended or their time is over, and the last results were delivered. If not, the
    ///   loop will be woken when that is so.
    func threadsHaveEnded() -> Bool {
        // Made if there is none, for those who come too late to be told so.
        let pool = threadPool
        if threadLimit == nil {
            threadLimit = callLater(options.shutdownGrace, pool.giveUp)
            pool.workers.close { [handle] in handle.callFromThread { _ in } }
        }
        guard threadLimit?.isActive == false || pool.statistics.threads == 0 else { return false }
        turn()
        return true
    }
}
