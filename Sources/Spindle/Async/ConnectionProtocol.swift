/// The protocol behind a ``Connection``: keeps what was received until somebody reads it.
package final class ConnectionProtocol: Protocol, HalfCloseProtocol {
    /// What was received and not read; from the reactor's pool, so that idle connections hold none.
    private var unread: GatherBuffer?
    /// How much at the beginning of it was read.
    private var start = 0
    /// Nothing more will be received.
    package private(set) var hasEnded = false
    /// Why the connection is over, once it is.
    private(set) var reason: (any Error)?

    private let bell = Bell()
    private var isReading = false
    private var endWaiters: [Deferred<Void>] = []

    private var pass = 0
    private var sentInPass = 0

    /// With as much unread as this nothing more is received, so that no more than this and one receive buffer waits.
    private static let enough = 16 * 1024

    // MARK: - What the transport says

    package override func connectionMade() { (factory as? ConnectionFactory)?.add(self) }

    package override func dataReceived(_ data: RawSpan) {
        let buffer = unread ?? reactor.gatherPool.take()
        unread = buffer
        if start > 0 {
            buffer.removeFirst(start)
            start = 0
        }
        buffer.append(data)
        if buffer.count >= Self.enough { transport.pauseProducing() }
        bell.ring()
    }

    package func readConnectionLost() {
        hasEnded = true
        bell.ring()
    }

    package func writeConnectionLost() {}

    package override func connectionLost(_ reason: any Error) { end(reason) }

    private func end(_ reason: any Error) {
        // What was closed on this side is not read any more (S5).
        if !hasEnded, reason is ConnectionDone || reason is ConnectionAborted { forgetUnread() }
        self.reason = reason
        bell.ring()
        let result: Result<Void, any Error> = reason is ConnectionDone ? .success(()) : .failure(reason)
        for waiter in endWaiters { try? waiter.fire(result) }
        endWaiters = []
    }

    /// How many bytes were received and not read.
    package var unreadCount: Int { (unread?.count ?? 0) - start }

    package override var hasUnusedBytes: Bool { unread != nil }

    /// Another protocol takes over: for who reads here this is the end.
    package override func takeUnusedBytes() -> [UInt8] {
        let rest = unread?.withBytes(from: start) { Array(copying: $0) } ?? []
        forgetUnread()
        // The new protocol does not know that this one has held the peer back.
        if transport.isPaused { transport.resumeProducing() }
        end(ConnectionDone())
        return rest
    }

    // MARK: - Reading

    /// Shows `body` what is unread, again and again as more comes in, until it returns something.
    ///
    /// - Parameter body: is told whether nothing more will come, and says how many bytes it has used.
    /// - Returns: nil at the end.
    func read<Result>(
        isolation: isolated (any Actor)?, _ body: (RawSpan, _ isLast: Bool) throws -> (used: Int, Result?)
    ) async throws -> Result? {
        guard !isReading else { throw AlreadyReadingError() }
        isReading = true
        defer { isReading = false }
        while true {
            bell.arm()
            if Task.isCancelled { throw CancelledError() }
            // What is closed on this side is not read any more (S5), whatever waits to be.
            let isClosing = reason == nil && transport.isDisconnecting
            let isOver = hasEnded || reason != nil
            if let unread, !isClosing {
                let (used, result) = try unread.withBytes(from: start) { try body($0, isOver) }
                markRead(used)
                if let result { return result }
            }
            if isOver {
                if let reason, !hasEnded, !(reason is ConnectionDone) { throw reason }
                return nil
            }
            if transport.isPaused { transport.resumeProducing() }
            await bell.wait(home: reactor.handle, isolation: isolation)
        }
    }

    private func markRead(_ count: Int) {
        start += count
        guard let unread, start == unread.count else { return }
        forgetUnread()
        // Also for the sake of the peer's end, which waited behind what is read now (S7).
        if transport.isPaused { transport.resumeProducing() }
    }

    private func forgetUnread() {
        start = 0
        if let buffer = unread.take() { reactor.gatherPool.give(buffer) }
    }

    // MARK: - Writing

    /// Writes, and returns whether the writer ought to wait: too much is queued, or others have not had their turn for long.
    func write(_ data: RawSpan) throws -> Bool {
        if reason != nil || transport.isDisconnecting { throw reason ?? ConnectionDone() }
        transport.write(data)
        if pass != reactor.passes {
            pass = reactor.passes
            sentInPass = 0
        }
        sentInPass += data.byteCount
        return transport.isBackedUp || sentInPass > transport.waterMarks.high
    }

    /// Fires when the connection is over; fails if that was not in good order.
    func whenEnded() -> Deferred<Void> {
        if let reason { return Deferred(reason is ConnectionDone ? .success(()) : .failure(reason)) }
        let waiter = Deferred<Void>()
        endWaiters.append(waiter)
        return waiter
    }
}
