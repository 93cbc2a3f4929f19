// Calls into the reactor whose answer the caller waits for.

extension ReactorHandle {
    /// Runs `body` on the reactor's thread, and blocks the calling thread until it has returned.
    ///
    /// ```swift
    /// let port = try handle.blockingCallFromThread { reactor in
    ///     try reactor.listenTCP(0, EchoFactory()).address.port
    /// }
    /// ```
    ///
    /// For threads that may block, such as those of ``Reactor/deferToThread(_:fileID:line:)``; asynchronous code uses
    /// ``callFromTask(isolation:_:)-(_,(Reactor)->Value)``. What `body` throws is thrown here. It takes its turn among the calls of
    /// ``callFromThread(_:)``, and like those waits for a reactor that does not run yet.
    ///
    /// It never waits for a reactor that has stopped.
    ///
    /// - Throws: ``CalledOnReactorThread`` at once on the reactor's own thread, which would wait for itself (H3);
    ///   ``ReactorNotRunning`` when the reactor ends before there is an answer, or has ended already; what `body` throws.
    @available(*, noasync, message: "it blocks its thread: use callFromTask")
    public func blockingCallFromThread<Value: Sendable>(
        _ body: sending @escaping (Reactor) throws -> Value
    ) throws -> Value {
        try blockingCallFromThread { reactor in Deferred(.success(try body(reactor))) }
    }

    /// As the form for a plain value, waiting for the Deferred that `body` returns.
    ///
    /// ```swift
    /// let port = try handle.blockingCallFromThread { reactor in
    ///     TCP4ServerEndpoint(reactor, 0).listen(EchoFactory()).addCallback { port in port.address.port }
    /// }
    /// ```
    @available(*, noasync, message: "it blocks its thread: use callFromTask")
    public func blockingCallFromThread<Value: Sendable>(
        _ body: sending @escaping (Reactor) throws -> Deferred<Value>
    ) throws -> Value {
        if isCurrent { throw CalledOnReactorThread() }
        return try start(body).wait()
    }

    /// Runs `body` on the reactor's thread, and returns what it returns to a task that runs anywhere.
    ///
    /// ```swift
    /// let count = try await handle.callFromTask { reactor in lobby.value(on: reactor).guests.count }
    /// ```
    ///
    /// As ``blockingCallFromThread(_:)-((Reactor)->Value)``, but the thread is free meanwhile; so it may be used on the reactor's own
    /// thread, too. When the task is cancelled, a call that has not been made is dropped.
    ///
    /// - Throws: ``CancelledError``; ``ReactorNotRunning`` when the reactor ends before there is an answer, or has ended
    ///   already; what `body` throws.
    public func callFromTask<Value: Sendable>(
        isolation: isolated (any Actor)? = #isolation, _ body: sending @escaping (Reactor) throws -> Value
    ) async throws -> Value {
        try await start { reactor in Deferred(.success(try body(reactor))) }.value(isolation: isolation)
    }

    /// As the form for a plain value, waiting for the Deferred that `body` returns. Cancelling the task cancels that.
    ///
    /// ```swift
    /// let page = try await handle.callFromTask { reactor in reactor.spawn { try await fetch(url) } }
    /// ```
    public func callFromTask<Value: Sendable>(
        isolation: isolated (any Actor)? = #isolation, _ body: sending @escaping (Reactor) throws -> Deferred<Value>
    ) async throws -> Value {
        try await start(body).value(isolation: isolation)
    }

    private func start<Value: Sendable>(
        _ body: sending @escaping (Reactor) throws -> Deferred<Value>
    ) -> AwaitedCall<Value> {
        let call = AwaitedCall<Value>(awaitedCalls)
        awaitedCalls.insert(call)
        callFromThread { reactor in call.make(on: reactor, body) }
        return call
    }
}
