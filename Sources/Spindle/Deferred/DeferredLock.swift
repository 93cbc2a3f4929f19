/// Lets one thing go on at a time, and has the others wait for their turn: a ``DeferredSemaphore`` with a single token.
///
/// ```swift
/// let lock = DeferredLock()
/// lock.run { self.send(request) }                          // until the Deferred that send returns has fired
/// reactor.spawn { try await lock.withLock { try await self.exchange() } }
/// ```
///
/// It guards what has to stay together across a wait. Between two waits nothing else runs on a
/// reactor, so plain state needs no lock. It does not notice who holds it: taking it twice, one inside the other, waits for
/// ever.
public final class DeferredLock {
    private let semaphore = DeferredSemaphore(tokens: 1)

    public init() {}

    /// Whether somebody holds it.
    public var isLocked: Bool { semaphore.tokens == 0 }

    /// Takes the lock: the Deferred fires when it is ours. Give it back with ``release()``.
    public func acquire(fileID: StaticString = #fileID, line: UInt = #line) -> Deferred<Void> {
        semaphore.acquire(fileID: fileID, line: line)
    }

    /// Gives the lock back, to whoever has waited longest.
    ///
    /// - Throws: ``NotAcquiredError`` if nobody holds it.
    public func release() throws(NotAcquiredError) { try semaphore.release() }

    /// Runs `body` with the lock held, until the Deferred that `body` returns has fired; see
    /// ``DeferredSemaphore/run(_:fileID:line:)-1``.
    @discardableResult
    public func run<Value>(
        _ body: @escaping () throws -> Deferred<Value>, fileID: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<Value> {
        semaphore.run(body, fileID: fileID, line: line)
    }

    /// Runs `body` with the lock held, until `body` has returned.
    @discardableResult
    public func run<Value>(
        _ body: @escaping () throws -> Value, fileID: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<Value> {
        semaphore.run(body, fileID: fileID, line: line)
    }

    /// Runs `body` with the lock held, without leaving the reactor's thread; lets go of it whichever way `body` ends.
    ///
    /// - Throws: what `body` throws; ``CancelledError`` if the task is cancelled while it waits for the lock.
    public func withLock<Value>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        try await semaphore.withToken(isolation: isolation, body)
    }
}
