extension Deferred {
    /// Waits for the result, without leaving the reactor's thread.
    ///
    /// ```swift
    /// reactor.spawn {
    ///     let port = try await endpoint.listen(factory).value()
    ///     print("listening on \(port.address)")
    /// }
    /// ```
    ///
    /// A Deferred that has fired already is not waited for; only the first `await` of a spawned task
    /// lets a pass go by in any case, because the task begins outside Swift's executors. A failure is thrown, and counts as
    /// handled. Cancelling the task that waits cancels the Deferred.
    public func value(isolation: isolated (any Actor)? = #isolation) async throws -> Value {
        if result == nil { await suspend(isolation: isolation) }
        return try takeResult()!.get()
    }
}

extension Deferred: Suspending {
    func suspended(_ suspension: Suspension) { add(Link(resuming: suspension)) }

    func cancelled(_ turn: Int) { cancel() }
}
