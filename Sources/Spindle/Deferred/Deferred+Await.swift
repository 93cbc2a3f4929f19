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
        if result == nil { await firing(isolation: isolation) }
        return try takeResult()!.get()
    }

    /// Suspends until there is a result.
    private func firing(isolation: isolated (any Actor)?) async {
        // Sound: whichever thread cancels the task, the Deferred is touched on its own executor only.
        nonisolated(unsafe) let deferred = self
        let home = ReactorHandle.ofTask
        await withTaskCancellationHandler(
            operation: {
                await unsafe withUnsafeContinuation(isolation: isolation) { continuation in
                    add(
                        Link(successor: nil) { _ in
                            unsafe continuation.resume()
                            return nil
                        })
                }
            },
            onCancel: {
                // Not by the isolation where there is a reactor: in a closure with a capture list
                // the compiler leaves that out (docs/workarounds.md).
                if let home {
                    home.callFromThread { _ in unsafe deferred.cancel() }
                } else if let isolation {
                    Task { unsafe await deferred.cancel(on: isolation) }
                }
            },
            isolation: isolation
        )
    }

    private func cancel(on isolation: isolated any Actor) async { cancel() }
}
