extension Reactor {
    /// Runs asynchronous code on the reactor's thread, from start to end.
    ///
    /// ```swift
    /// override func dataReceived(_ data: RawSpan) {
    ///     let question = Array(copying: data)
    ///     reactor.spawn {
    ///         let answer = try await self.lookup(question).value()
    ///         self.transport.write(answer)
    ///     }
    /// }
    /// ```
    ///
    /// It starts at once, before `spawn` returns, and after each `await` it goes on on the same
    /// thread (H4). So it may use anything that lives on the reactor, without locks. Asynchronous
    /// functions of your own that do so are spelled `nonisolated(nonsending)`:
    ///
    /// ```swift
    /// nonisolated(nonsending) func step() async throws { … }
    /// ```
    ///
    /// Without that the compiler takes them to run anywhere, and refuses to send `self` there.
    /// Nothing called from here leaves the loop by itself; work that takes long belongs on a thread
    /// or in a detached task.
    ///
    /// Returns a Deferred with the result. Cancelling it cancels the task, and so does stopping the
    /// reactor. An error that nobody takes from it is logged.
    @discardableResult
    public func spawn<Value>(
        _ body: nonisolated(nonsending) @escaping () async throws -> Value,
        fileID: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<Value> {
        requireThread()
        if wasInvalidated { return Deferred(.failure(ReactorInvalidated()), fileID: fileID, line: line) }
        warnIfDetached("spawn")
        hasSpawned = true
        let entry = SpawnedTask(Origin(fileID: fileID, line: line))
        let deferred = Deferred<Value>(fileID: fileID, line: line) { _ in entry.cancel() }
        entry.slot = open.tasks.insert(entry)
        if isClosing { entry.cancel() }
        // Sound: `assumeIsolated` checks that this is the reactor's thread, and the task, isolated
        // to its actor and preferring its executor, stays there.
        nonisolated(unsafe) let (body, deferredOut, reactor, spawned) = (body, deferred, self, entry)
        let handle = handle
        let task = actor.assumeIsolated { actor in
            // A new task takes over the task-local values that are set where it is made.
            ReactorHandle.$ofTask.withValue(handle) {
                Task.immediate(executorPreference: handle) {
                    _ = actor
                    let result: Result<Value, any Error>
                    do { result = .success(try await unsafe body()) } catch { result = .failure(error) }
                    unsafe reactor.open.tasks.remove(spawned.slot)
                    try? unsafe deferredOut.fire(result)
                }
            }
        }
        entry.started(task)
        return deferred
    }
}
