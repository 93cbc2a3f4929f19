/// Lets a number of things go on at the same time, and has the others wait for their turn.
///
/// ```swift
/// let atMostTen = DeferredSemaphore(tokens: 10)
/// for host in hosts { atMostTen.run { fetch(host) } }
///
/// reactor.spawn { try await atMostTen.withToken { try await fetch(host).value() } }
/// ```
///
/// Whoever waits is served in the order of asking. Cancelling what waits takes it out of the line, and no token is
/// lost by that (D4).
public final class DeferredSemaphore {
    /// How many may have a token at the same time.
    public let limit: Int

    /// How many tokens are to be had now.
    public private(set) var tokens: Int

    private let line = WaitingLine<Void>()

    /// - Precondition: there is a token at least. With none nothing would ever go on.
    public init(tokens: Int) {
        precondition(tokens > 0, "a semaphore needs a token at least")
        limit = tokens
        self.tokens = tokens
    }

    /// Takes a token: the Deferred fires when it is there. Give it back with ``release()``.
    public func acquire(fileID: StaticString = #fileID, line: UInt = #line) -> Deferred<Void> {
        if self.line.count == 0, let taken = takeToken() {
            return Deferred(.success(taken), fileID: fileID, line: line)
        }
        return self.line.join(fileID: fileID, line: line)
    }

    /// Gives a token back, to whoever has waited longest.
    ///
    /// - Throws: ``NotAcquiredError`` if none is out.
    public func release() throws(NotAcquiredError) {
        guard tokens < limit else { throw NotAcquiredError() }
        tokens += 1
        line.serve(takeToken)
    }

    /// Runs `body` with a token in hand, and gives it back when the Deferred that `body` returns has fired.
    ///
    /// Cancelling the result while it waits for the token means that `body` does not run, and later that what it
    /// waits for is cancelled.
    @discardableResult
    public func run<Value>(
        _ body: @escaping () throws -> Deferred<Value>, fileID: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<Value> {
        // Unowned: only the semaphore itself, which must not be kept by those in its line, runs this. Who has a token
        // does keep it, to give that back.
        let holding = { [unowned self] in
            let semaphore = self
            return maybeDeferred(body).addBoth { result in
                try semaphore.release()
                return try result.get()
            }
        }
        return acquire(fileID: fileID, line: line).addCallback(holding, fileID: fileID, line: line)
    }

    /// Runs `body` with a token in hand, and gives it back when `body` has returned.
    @discardableResult
    public func run<Value>(
        _ body: @escaping () throws -> Value, fileID: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<Value> {
        run({ Deferred(Result { try body() }) }, fileID: fileID, line: line)
    }

    /// Runs `body` with a token in hand, without leaving the reactor's thread; gives it back whichever way `body` ends.
    ///
    /// - Throws: what `body` throws; ``CancelledError`` if the task is cancelled while it waits for the token.
    public func withToken<Value>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        try await acquire().value(isolation: isolation)
        let result: Result<Value, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        try release()
        return try result.get()
    }

    private func takeToken() -> Void? {
        guard tokens > 0 else { return nil }
        tokens -= 1
        return ()
    }
}
