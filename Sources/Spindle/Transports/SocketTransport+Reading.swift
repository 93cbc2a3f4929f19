import Glibc

extension SocketTransport: EventHandler {
    /// A full receive buffer suggests that there is more; but others want their turn, too.
    private static let receivesPerTurn = 4

    // MARK: - From the socket

    func eventFired() {
        switch state {
        case .open where isReadingPaused: park()
        case .open: receiveAndFlush()
        case .closing, .lingering: discardInput()
        case .closed: break
        }
    }

    /// What is written meanwhile leaves when the last callback has returned: here, which for a
    /// reply to what was received spares a place in the base's list of those to flush.
    private func receiveAndFlush() {
        isReceiving = true
        receive()
        isReceiving = false
        if isFlushQueued { flush() }
    }

    private func receive() {
        let buffer = reactor.receiveBuffer
        for _ in 0..<Self.receivesPerTurn {
            switch takesDescriptors ? receiveWithDescriptors() : buffer.receive(from: socket) {
            case .received(let count):
                buffer.withBytes(count) { deliver($0) }
                guard count == buffer.capacity, isDelivering else { return }
            case .empty: return
            case .end: return inputEnded()
            case .failed(let error): return end(ConnectionLost(errno: (writeError ?? error).errno))
            }
        }
    }

    /// Whether more may be delivered to the protocol now.
    var isDelivering: Bool { state == .open && !isReadingPaused && !isSwitching }

    private func deliver(_ data: RawSpan) {
        do { try connectedProtocol?.dataReceived(data) } catch { callbackThrew("dataReceived", error) }
    }

    /// The peer has finished sending. Unless the protocol wants to go on, what is pending is flushed
    /// and the connection closed (W6).
    func inputEnded() {
        guard !peerHasFinished else { return }
        peerHasFinished = true
        stopReading()
        if let writeError { return end(ConnectionLost(errno: writeError.errno)) }
        switch state {
        case .open:
            if let halfCloser = connectedProtocol as? any HalfCloseProtocol { return readingEnded(halfCloser) }
            // Nobody waits for a producer here: it may be producing for the very peer that has left.
            stopProducer()
            beginClosing()
        case .lingering: end(endReason)
        // Nothing else would notice a reset while a producer is waited for that has nothing to write.
        case .closing: if producer != nil { watchForHangUp() }
        case .closed: break
        }
    }

    private func readingEnded(_ halfCloser: any HalfCloseProtocol) {
        do { try halfCloser.readConnectionLost() } catch { return callbackThrew("readConnectionLost", error) }
        guard state == .open else { return }
        // Nothing comes any more that a reset could be seen by.
        if hasFinishedWriting { end(endReason) } else { watchForHangUp() }
    }

    // MARK: - From the bufferevent

    /// Delivers what has come through the bufferevent, until somebody stops it.
    func deliverUndelivered() {
        deliverDescriptors()
        while isDelivering, let undelivered, !undelivered.isEmpty { undelivered.consumeFirst { deliver($0) } }
    }

    /// Delivers what had arrived before a failed write gave the connection's end away.
    func deliverRemains() {
        deliverUndelivered()
        // What comes from now on may have no end: from a peer that still sends, or a file.
        var left = isUnwatchable ? 0 : socket.unreadCount
        while isDelivering, left > 0 {
            let outcome = takesDescriptors ? receiveWithDescriptors() : reactor.receiveBuffer.receive(from: socket)
            guard case .received(let count) = outcome else { return }
            left -= count
            reactor.receiveBuffer.withBytes(count) { deliver($0) }
        }
    }

    // MARK: - Starting and stopping

    func startReading() {
        // A bufferevent would have the kernel close descriptors.
        if !isDirect, state == .open, !takesDescriptors {
            bufferEvent?.startReading()
        } else {
            let event = readEvent ?? Event(reactor.base, socket.descriptor, .readable, self)
            readEvent = event
            do throws(SystemError) { try event.add() } catch {
                // A regular file, or /dev/null: always readable, so that epoll refuses it.
                if error.errno == EPERM, socket.stream != nil {
                    isUnwatchable = true
                    return readInEachPass()
                }
                reactor.inNextPass { [self] in end(ConnectionLost(errno: error.errno)) }
            }
        }
    }

    private func readInEachPass() {
        guard !isReadQueued else { return }
        isReadQueued = true
        reactor.inNextPass { [self] in
            isReadQueued = false
            guard state == .open, !isReadingPaused, !peerHasFinished else { return }
            receiveAndFlush()
            if isDelivering, !peerHasFinished { readInEachPass() }
        }
    }

    func stopReading() {
        readEvent?.remove()
        bufferEvent?.stopReading()
    }

    /// Takes effect at once, and costs nothing until something arrives.
    func pauseReading() {
        guard state == .open, !isReadingPaused else { return }
        isReadingPaused = true
        // The bufferevent would go on reading into its own memory.
        if bufferEvent != nil, !isDirect { park() }
    }

    func resumeReading() {
        guard state == .open, isReadingPaused else { return }
        isReadingPaused = false
        guard let undelivered, !undelivered.isEmpty else { return continueReading() }
        // What came before goes before: also before the peer's end, if that is next, and before what
        // arrives until the next pass. Pausing may have left the event in place.
        park()
        reactor.inNextPass { [self] in
            deliverUndelivered()
            // Paused again: a peer's end that was reported while there was something unread is not reported again.
            isReadingPaused ? mayHaveHungUp() : continueReading()
        }
    }

    private func continueReading() {
        guard isDelivering, !peerHasFinished else { return }
        stopWatching()
        startReading()
    }

    // MARK: - Switching protocols

    func replaceProtocol(with newProtocol: Protocol, handingOver rest: RawSpan) {
        guard let old = connectedProtocol else { return }
        let rest = Array(copying: rest)
        old.isReplaced = true
        newProtocol.attach(to: old.factory)
        newProtocol.attach(to: self)
        connectedProtocol = newProtocol
        isSwitching = true
        // Not now: the old protocol's callback is on the stack.
        reactor.base.postpone { [self] in introduce(newProtocol, rest + old.takeUnusedBytes()) }
    }

    private func introduce(_ newProtocol: Protocol, _ rest: [UInt8]) {
        guard isSwitching, connectedProtocol === newProtocol else { return }
        isSwitching = false
        // Closing waited for this.
        queueFlush()
        do { try newProtocol.makeConnection(self) } catch { return callbackThrew("connectionMade", error) }
        guard state == .open else { return }
        learnAgainWhetherDescriptorsAreTaken()
        do { try putBack(rest) } catch { return end(ConnectionLost(errno: error.errno)) }
        deliverUndelivered()
        continueReading()
    }

    /// Makes `bytes` the first to be delivered, now or when reading is resumed.
    private func putBack(_ bytes: [UInt8]) throws(SystemError) {
        guard !bytes.isEmpty else { return }
        try bytes.withRawSpan { data throws(SystemError) in try keep(data) }
    }

    func keep(_ data: RawSpan) throws(SystemError) {
        let buffer: Buffer
        if let undelivered { buffer = undelivered } else { buffer = try Buffer() }
        undelivered = buffer
        guard buffer.prepend(data) else { throw SystemError(ENOMEM, "evbuffer_prepend") }
    }
}

// A connection that is paused, or that its peer has finished sending on, is watched for the rest (S7).
extension SocketTransport: HangUpHandler {
    /// Takes a paused connection off the base: there is something that would be reported until it is read.
    func park() {
        stopReading()
        watchForHangUp()
    }

    func watchForHangUp() {
        guard watchSlot == nil else { return }
        do throws(SystemError) {
            watchSlot = Int32(try reactor.requiredHangUpWatch().add(socket.descriptor, self))
        } catch {
            // A regular file, or /dev/null, has nobody who could hang up.
            if error.errno == EPERM, socket.stream != nil { return }
            reactor.inNextPass { [self] in end(ConnectionLost(errno: error.errno)) }
        }
    }

    func stopWatching() {
        guard let slot = watchSlot.take() else { return }
        try? reactor.requiredHangUpWatch().remove(socket.descriptor, Int(slot))
    }

    func mayHaveHungUp() {
        guard watchSlot != nil, state == .open || state == .closing else { return }
        // A reset goes before what was not read; a mere end comes behind it.
        if let error = socket.takeError() { return end(ConnectionLost(errno: error.errno)) }
        if peerHasFinished {
            // A UNIX socket's peer that is gone altogether resets nothing, and says so in this way only.
            return socket.hasHungUp ? end(ConnectionLost(errno: EPIPE)) : ()
        }
        guard undelivered?.isEmpty ?? true else { return }
        switch socket.peek() {
        case .received, .empty: break
        case .end: inputEnded()
        case .failed(let error): end(ConnectionLost(errno: error.errno))
        }
    }
}
