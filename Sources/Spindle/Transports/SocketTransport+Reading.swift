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
    func receiveAndFlush() {
        isReceiving = true
        receive { isDelivering && !conduitReceives }
        isReceiving = false
        if isFlushQueued { flush() }
    }

    /// Receives and delivers, a few times while there is enough and `goesOn`.
    func receive(while goesOn: () -> Bool) {
        let buffer = reactor.receiveBuffer
        for _ in 0..<Self.receivesPerTurn {
            switch receiveNext() {
            case .received(let count):
                buffer.withBytes(count) { deliver($0) }
                guard count == buffer.capacity, goesOn() else { return }
            case .empty: return
            // A conduit will say so itself, and at the same time keep its place in libevent's.
            case .end: return conduitReceives ? () : inputEnded()
            case .failed(let error): return end(ConnectionLost(errno: writeError ?? error.errno))
            }
        }
    }

    private func receiveNext() -> ReceiveBuffer.Outcome {
        takesDescriptors ? receiveWithDescriptors() : reactor.receiveBuffer.receive(from: socket)
    }

    /// Whether more may be delivered to the protocol now.
    var isDelivering: Bool { state == .open && !isReadingPaused && !isSwitching }

    private func deliver(_ data: RawSpan) {
        reactor.bytesReceived += data.byteCount
        do { try connectedProtocol?.dataReceived(data) } catch { callbackThrew("dataReceived", error) }
    }

    /// The peer has finished sending. Unless the protocol wants to go on, what is pending is flushed
    /// and the connection closed (W6).
    func inputEnded() {
        guard !peerHasFinished else { return }
        peerHasFinished = true
        stopReading()
        leaveConsumer()
        if let writeError { return end(ConnectionLost(errno: writeError)) }
        switch state {
        case .open:
            if let halfCloser = connectedProtocol as? any HalfCloseProtocol { return readingEnded(halfCloser) }
            // Nobody waits for a producer here: it may be producing for the very peer that has left.
            stopProducer()
            beginClosing()
        case .lingering: end(endReason)
        case .closing:
            guard producer != nil else { return }
            // Nothing else would notice a reset while a producer is waited for that has nothing to write.
            watchForHangUp()
            queueFlush()
        case .closed: break
        }
    }

    private func readingEnded(_ halfCloser: any HalfCloseProtocol) {
        do { try halfCloser.readConnectionLost() } catch { return callbackThrew("readConnectionLost", error) }
        guard state == .open else { return }
        // Nothing comes any more that a reset could be seen by.
        if hasFinishedWriting { end(endReason) } else { watchForHangUp() }
    }

    // MARK: - What was received and not delivered yet

    /// Where it is kept, which is made when it is first needed.
    func requiredUndelivered() throws(SystemError) -> Buffer {
        if let undelivered { return undelivered }
        let made = try Buffer()
        undelivered = made
        return made
    }

    /// Delivers it, until somebody stops that.
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
            guard case .received(let count) = receiveNext() else { return }
            left -= count
            reactor.receiveBuffer.withBytes(count) { deliver($0) }
        }
    }
}
