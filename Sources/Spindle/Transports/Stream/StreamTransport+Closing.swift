// The connection ends: by us, by the peer or by an accident (W3 to W6, S2 to S6).
extension StreamTransport {
    final func beginClosing() {
        // A reactor that is stopping has less patience with peers than before.
        if state == .lingering, reactor.isClosing { finishClosing() }
        // There is nobody yet to send anything to.
        if pendingStart?.obstacle == .connecting || pendingStart?.obstacle == .filter { return abort() }
        if state == .broken { return dropUnread() }
        guard state == .open else { return }
        let wasReceiving = isReading
        state = .closing
        if case .open = output { output = .ending }
        // Input is read and thrown away meanwhile, which is how a reset is noticed.
        if !wasReceiving, !peerHasFinished { startReceiving() }
        queueFlush()
    }

    final func beginClosing(within timeout: Duration) {
        beginClosing()
        guard state != .closed else { return }
        try? deadline?.cancel()
        deadline = reactor.callLater(timeout) { [self] in abort() }
    }

    /// As `beginClosing()`, with a reason of our own; nothing more is written, by anybody.
    package final func beginClosing(because error: any Error) {
        guard state != .closed else { return }
        endReason = error is ConnectionDone ? nil : error
        if case .open = output { output = .ending }
        stopProducer()
        beginClosing()
        guard hasCarrier else { return }
        // It may have been closing already, and waiting for the producer.
        queueFlush()
    }

    final func finishWriting() {
        guard state == .open, case .open = output else { return }
        output = .ending
        queueFlush()
    }

    /// All that was written has left, and nothing more will be.
    final func endWriting() {
        output = .ended
        endOutput()
        if let halfCloser = connectedProtocol as? any HalfCloseProtocol {
            do { try halfCloser.writeConnectionLost() } catch { callbackThrew("writeConnectionLost", error) }
        }
        if peerHasFinished, state == .open { end(endReason) }
    }

    final func abort() {
        guard state != .closed else { return }
        endReason = ConnectionAborted()
        letGo(.reset)
        reactor.inNextPass { [self] in notifyLoss(endReason) }
    }

    // MARK: - Limits of patience

    /// From now on aborts if none of our output goes for as long as `closeLimit` (W4): because the peer takes nothing,
    /// or because it has finished and the producer that is waited for writes nothing.
    final func watchProgress() {
        guard limit == nil, let closeLimit = reactor.options.closeLimit else { return }
        let before = bytesTaken
        limit = reactor.callLater(closeLimit) { [self] in
            limit = nil
            // Somebody may have ended it in a way of which nothing tells.
            measureBacklog()
            guard state == .closing, hasPendingOutput || isWaitingForProducer else { return }
            if bytesTaken == before { abort() } else { watchProgress() }
        }
    }

    /// The producer's output has gone, and the limit for what comes next begins.
    final func watchProducer() {
        guard isWaitingForProducer else { return }
        try? limit.take()?.cancel()
        watchProgress()
    }

    /// Whether only a producer keeps the connection open. Before the peer has finished that is what was asked for;
    /// afterwards there may be nobody there to write for.
    private final var isWaitingForProducer: Bool { state == .closing && peerHasFinished && producer != nil }

    // MARK: - The end

    /// Lets go of the connection and tells the protocol. Called with no callback on the stack.
    ///
    /// - Parameter reason: nil if it ends in good order.
    package final func end(_ reason: (any Error)?) {
        guard state != .closed else { return }
        endReason = reason
        letGo(.close)
        notifyLoss(reason)
    }

    /// Whether the carrier has not let go of the connection yet.
    package final var hasCarrier: Bool { state != .closed && state != .broken }

    /// Forgets the connection, all but what it goes by.
    final func letGo(_ how: Disconnection) {
        // Before the state is another one: the carrier may still learn what connectionLost will ask for.
        if hasCarrier { disconnect(how) }
        state = .closed
        output = .ended
        isBacklogged = false
        undelivered = nil
        filtering.take()?.filter.connectionEnded(endReason ?? ConnectionDone())
        try? deadline?.cancel()
        try? limit?.cancel()
    }

    // MARK: - Lost with something unread

    /// As `end(_:)`, but behind what arrived before and is not delivered: a paused protocol gets that when it reads again, and
    /// then hears of the end. Until then no descriptor is kept (S7).
    package final func breakOff(_ reason: any Error) {
        guard state == .open else { return end(reason) }
        receiveUnread()
        // What was received may have been its last words.
        guard state == .open, holdsBytes, !isDelivering else { return end(reason) }
        endReason = reason
        disconnect(.close)
        state = .broken
        output = .ended
        isBacklogged = false
        stopProducer()
        releaseDrainWaiters(.failure(reason))
    }

    /// Delivers what a connection that is lost has left, and then tells of the loss, unless somebody pauses meanwhile.
    final func deliverLast() {
        guard state == .broken else { return }
        deliverUndelivered()
        // A new protocol hears of its connection first.
        guard handover == nil, !holdsBytes else { return }
        end(endReason)
    }

    /// Nobody wants what a connection that is lost has left.
    private final func dropUnread() {
        letGo(.close)
        reactor.inNextPass { [self] in notifyLoss(endReason) }
    }

    // MARK: - The last word

    /// Tells the protocol of the loss, as the last thing that it hears, and then where it came from (F5).
    final func notifyLoss(_ reason: (any Error)?) {
        // A new protocol hears of its connection first, which has been set off in this entry.
        guard handover == nil else { return reactor.base.postpone { [self] in notifyLoss(reason) } }
        leave()
        stopProducer()
        // An end in good order has everything sent before it.
        releaseDrainWaiters(reason.map { .failure($0) } ?? .success(()))
        let reason = reason ?? ConnectionDone()
        let loser = connectedProtocol.take()
        loser?.connectionLost(reason)
        leaveConsumer()
        abandonStart(reason)
        observer.take()?.connectionEnded(reason, wasStarted: loser != nil)
    }
}
