/// A call into a reactor that somebody off its thread waits for.
final class AwaitedCall<Value: Sendable>: EndableCall {
    private struct State {
        var result: Result<Value, any Error>?
        /// What the task waits on that has no result yet.
        var continuation: CheckedContinuation<Value, any Error>?
        /// What the call came to, as long as it has not fired.
        var answer: ReactorBound<Deferred<Value>>?
    }

    private let calls: AwaitedCalls
    private let state = Lock(State())
    private let news = Condition()

    /// - Parameter calls: where it is kept until it has a result.
    init(_ calls: AwaitedCalls) { self.calls = calls }

    /// Makes the call, on the reactor's thread, unless nobody waits for it any more.
    func make(on reactor: Reactor, _ body: (Reactor) throws -> Deferred<Value>) {
        guard state.withLock({ $0.result == nil }) else { return }
        do {
            let answer = try body(reactor)
            if !answer.hasFired, !keep(reactor.bound(answer)) { answer.cancel() }
            answer.addBoth { [self] result -> Void in finish(result) }
        } catch {
            finish(.failure(error))
        }
    }

    /// Returns false if the call was given up meanwhile.
    private func keep(_ answer: ReactorBound<Deferred<Value>>) -> Bool {
        state.withLock { state in
            if state.result == nil { state.answer = answer }
            return state.result == nil
        }
    }

    /// Sets the result, unless there is one.
    func finish(_ result: Result<Value, any Error>) {
        let former = state.withLock { state -> State? in
            guard state.result == nil else { return nil }
            defer { state = State(result: result) }
            return state
        }
        guard let former else { return }
        calls.remove(self)
        news.wakeAll()
        former.continuation?.resume(with: result)
    }

    func end() { finish(.failure(ReactorNotRunning())) }

    /// Gives up: on a call that has not been made, or on the Deferred that it came to.
    func cancel() {
        let answer = state.withLock { $0.answer }
        finish(.failure(CancelledError()))
        guard let answer else { return }
        answer.handle.callFromThread { reactor in answer.value(on: reactor).cancel() }
    }

    // MARK: - Waiting

    /// Blocks the calling thread until there is a result.
    func wait() throws -> Value {
        try state.wait(on: news) { state in state.result.map(Look.found) ?? .wait(until: nil) }.get()
    }

    /// Suspends the calling task until there is a result. If the task is cancelled, so is the call.
    func value(isolation: isolated (any Actor)?) async throws -> Value {
        try await withTaskCancellationHandler(
            operation: {
                try await withCheckedThrowingContinuation(isolation: isolation) { continuation in
                    let result = state.withLock { state in
                        if state.result == nil { state.continuation = continuation }
                        return state.result
                    }
                    if let result { continuation.resume(with: result) }
                }
            },
            onCancel: { cancel() },
            isolation: isolation
        )
    }
}
