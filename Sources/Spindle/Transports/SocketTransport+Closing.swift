extension SocketTransport {
    func beginClosing() {
        // A reactor that is stopping has less patience with peers than before.
        if state == .lingering, reactor.isClosing { watchLingering() }
        // There is nobody yet to send anything to.
        if adoption?.isConnecting == true { return abort() }
        guard state == .open else { return }
        state = .closing
        // A producer may still write, until it says that it has finished (W4).
        if producer == nil { acceptsWrites = false }
        // Input is read and thrown away meanwhile, which is how a reset is noticed. Not where others may read
        // it after us.
        if socket.stream != nil {
            stopReading()
        } else if isReadingPaused && !peerHasFinished {
            stopWatching()
            startReading()
        }
        queueFlush()
    }

    func beginClosing(within timeout: Duration) {
        beginClosing()
        guard state != .closed else { return }
        try? deadline?.cancel()
        deadline = reactor.callLater(timeout) { [self] in abort() }
    }

    func finishWriting() {
        guard state == .open, !isWriteEndRequested else { return }
        isWriteEndRequested = true
        if producer == nil { acceptsWrites = false }
        queueFlush()
    }

    func abort() {
        guard state != .closed else { return }
        socket.resetOnClose()
        endReason = ConnectionAborted()
        tearDown()
        reactor.inNextPass { [self] in notifyLoss(endReason) }
    }

    /// All that was written is with the kernel, and nothing more will be.
    func endWriting() {
        hasFinishedWriting = true
        if isLayered { conduit?.finishOutput() } else { socket.shutdownWriting() }
        if let halfCloser = connectedProtocol as? any HalfCloseProtocol {
            do { try halfCloser.writeConnectionLost() } catch { callbackThrew("writeConnectionLost", error) }
        }
        if peerHasFinished, state == .open { end(endReason) }
    }

    /// As `beginClosing()`, with a reason of our own; nothing more is written, by anybody.
    func beginClosing(because error: any Error) {
        guard state != .closed else { return }
        endReason = error
        acceptsWrites = false
        stopProducer()
        beginClosing()
        // It may have been closing already, and waiting for the producer.
        queueFlush()
    }

    /// From now on aborts if none of our output goes for as long as `closeLimit` (W4): because the peer takes nothing,
    /// or because it has finished and the producer that is waited for writes nothing.
    func watchProgress() {
        guard limit == nil, let closeLimit = reactor.options.closeLimit else { return }
        let before = bytesTaken
        limit = reactor.callLater(closeLimit) { [self] in
            limit = nil
            // The other one of a pair may have been freed, of which nothing tells.
            measureBacklog()
            guard state == .closing, isBacklogged || isWaitingForProducer else { return }
            if bytesTaken == before { abort() } else { watchProgress() }
        }
    }

    /// The producer's output has gone, and the limit for what comes next begins.
    func watchProducer() {
        guard isWaitingForProducer else { return }
        try? limit.take()?.cancel()
        watchProgress()
    }

    /// Whether only a producer keeps the connection open. Before the peer has finished that is what was asked for;
    /// afterwards there may be nobody there to write for.
    private var isWaitingForProducer: Bool { state == .closing && peerHasFinished && producer != nil }

    /// How many of the bytes that had to wait the kernel has taken.
    private var bytesTaken: Int { (conduit?.bytesTaken ?? 0) + (mail?.bytesTaken ?? 0) }

    // MARK: - The end

    /// Everything is with the kernel. Closes at once if no input is unread and all output is on its way, else
    /// lingers (W3): whatever comes in after closing makes the kernel drop what it has not sent.
    ///
    /// Called with no callback on the stack.
    func finishClosing() {
        if isLayered { return finishClosingLayers() }
        if peerHasFinished || socket.stream != nil { return end(endReason) }
        dropConduit()
        switch reactor.receiveBuffer.receive(from: socket) {
        case .received: linger()
        case .empty: hasDiscardedInput || socket.hasUnsentOutput ? linger() : end(endReason)
        case .end: end(endReason)
        case .failed(let error): end(ConnectionLost(errno: error.errno))
        }
    }

    func linger() {
        state = .lingering
        socket.shutdownWriting()
        startReading()
        watchLingering()
    }

    /// Closes when the limit is over, unless the peer has been reading meanwhile.
    private func watchLingering() {
        try? limit?.cancel()
        let patience = reactor.options.lingerLimit / (reactor.isClosing ? 2 : 1)
        let before = socket.unacknowledgedCount
        limit = reactor.callLater(patience) { [self] in
            // The end of our data counts for one: that it has arrived says nothing of the peer's reading.
            if before > 1, socket.unacknowledgedCount < before { watchLingering() } else { end(endReason) }
        }
    }

    /// Reads what nobody wants, while closing.
    func discardInput() {
        switch reactor.receiveBuffer.receive(from: socket) {
        case .received: hasDiscardedInput = true
        case .empty: break
        case .end: inputEnded()
        case .failed(let error): end(ConnectionLost(errno: error.errno))
        }
    }

    /// Closes the descriptor and tells the protocol. Called with no callback on the stack.
    func end(_ reason: any Error) {
        guard state != .closed else { return }
        endReason = reason
        tearDown()
        notifyLoss(reason)
    }

    private func tearDown() {
        leaveConnection()
        dropConduit()
        if !isLayered { socket.close() }
    }

    /// Forgets the connection, all but what it goes by.
    func leaveConnection() {
        learnHost()
        state = .closed
        acceptsWrites = false
        isBacklogged = false
        stopWatching()
        if let event = readEvent.take() {
            event.remove()
            reactor.base.bury(event)
        }
        mail?.close()
        undelivered = nil
        if let buffer = gathered.take() { reactor.gatherPool.give(buffer) }
        try? deadline?.cancel()
        try? limit?.cancel()
    }
}
