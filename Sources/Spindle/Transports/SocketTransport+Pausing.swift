import Glibc

// Reading starts and stops.
extension SocketTransport {
    func startReading() {
        if conduitReceives {
            conduit?.startReading()
        } else {
            if isUnwatchable { return readInEachPass() }
            let event = readEvent ?? Event(reactor.base, socket.descriptor, .readable, self)
            readEvent = event
            do throws(SystemError) { try event.add() } catch {
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
        conduit?.stopReading()
    }

    /// Takes effect at once, and costs nothing until something arrives.
    func pauseReading() {
        guard state == .open, !isReadingPaused else { return }
        isReadingPaused = true
        // The bufferevent would go on reading into its own memory. One that is being connected is left alone.
        if conduit != nil, !isDirect, adoption == nil { park() }
    }

    func resumeReading() {
        guard state == .open, isReadingPaused else { return }
        isReadingPaused = false
        guard adoption == nil else { return }
        guard let undelivered, !undelivered.isEmpty else { return continueReading() }
        // What came before goes before: also before the peer's end, if that is next, and before what
        // arrives until the next pass. Pausing may have left the event in place.
        park()
        reactor.inNextPass { [self] in
            deliverUndelivered()
            // Paused again: a peer's end that was reported while there was something unread is not reported again.
            isReadingPaused ? lookForEnd() : continueReading()
        }
    }

    func continueReading() {
        guard isDelivering, !peerHasFinished else { return }
        stopWatching()
        startReading()
        if isLayered { reactor.inNextPass { [self] in lookForEnd() } }
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
        // A regular file, or /dev/null, has nobody who could hang up.
        guard watchSlot == nil, !isUnwatchable else { return }
        do throws(SystemError) {
            watchSlot = Int32(try reactor.requiredHangUpWatch().add(socket.descriptor, self))
        } catch {
            reactor.inNextPass { [self] in end(ConnectionLost(errno: error.errno)) }
        }
    }

    func stopWatching() {
        guard let slot = watchSlot.take() else { return }
        try? reactor.requiredHangUpWatch().remove(socket.descriptor, Int(slot))
    }

    /// Looks for an end that was told of before, or not told, because something came before it.
    func lookForEnd() { isLayered ? catchUp() : mayHaveHungUp() }

    func mayHaveHungUp() {
        guard watchSlot != nil, state == .open || state == .closing else { return }
        // A new protocol hears of its connection before it hears of the end.
        guard !isSwitching else { return reactor.base.postpone { [self] in mayHaveHungUp() } }
        // A reset goes before what was not read; a mere end comes behind it.
        if let error = socket.takeError() { return end(ConnectionLost(errno: error.errno)) }
        if peerHasFinished {
            // A UNIX socket's peer that is gone altogether resets nothing, and says so in this way only. A pipe's
            // has nothing to do with who reads the output.
            return socket.stream == nil && socket.hasHungUp ? end(ConnectionLost(errno: EPIPE)) : ()
        }
        guard !hasUndelivered else { return }
        switch socket.peek() {
        case .received, .empty: break
        case .end: inputEnded()
        case .failed(let error): end(ConnectionLost(errno: error.errno))
        }
    }

    /// Bytes have been received that go before the peer's end, kept here or by the protocol.
    var hasUndelivered: Bool {
        !(undelivered?.isEmpty ?? true) || connectedProtocol?.hasUnusedBytes ?? false
    }
}
