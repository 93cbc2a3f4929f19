import Glibc

// What came in goes to the protocol.
extension StreamTransport {
    /// Whether more may be delivered to the protocol now.
    package final var isDelivering: Bool {
        (state == .open || state == .broken) && !isReadingPaused && handover == nil && pendingStart == nil
    }

    /// Whether the carrier is to receive: for the protocol, or for a filter that has not begun.
    package final var isReading: Bool { !isReadingPaused || filtering?.hasBegun == false }

    /// Bytes came in on the wire. They are delivered, kept while nobody wants them, or thrown away while closing.
    package final func received(_ data: RawSpan) {
        guard data.byteCount > 0 else { return }
        if let filtering { return filtering.received(data) }
        if isDelivering, !keepsBytes { return deliver(data) }
        guard state == .open || state == .broken else { return }
        do throws(SystemError) { try keepBehind(data) } catch { end(ConnectionLost(errno: error.errno)) }
    }

    final func deliver(_ data: RawSpan) {
        reactor.bytesReceived += data.byteCount
        do { try connectedProtocol?.dataReceived(data) } catch { callbackThrew("dataReceived", error) }
    }

    // MARK: - The peer's end

    /// The peer has finished sending on the wire.
    package final func wireEnded() {
        if let filtering { filtering.wireEnded() } else { inputEnded() }
    }

    /// The peer has finished sending. Unless the protocol wants to go on, what is pending is flushed
    /// and the connection closed (W6).
    final func inputEnded() {
        guard !peerHasFinished else { return }
        peerHasFinished = true
        stopReceiving()
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
            watchForReset()
            queueFlush()
        case .broken, .closed: break
        }
    }

    private final func readingEnded(_ halfCloser: any HalfCloseProtocol) {
        do { try halfCloser.readConnectionLost() } catch { return callbackThrew("readConnectionLost", error) }
        guard state == .open else { return }
        // Nothing comes any more that a reset could be seen by.
        if case .ended = output { end(endReason) } else { watchForReset() }
    }

    // MARK: - What was received and not delivered yet

    final var keepsBytes: Bool { !(undelivered?.isEmpty ?? true) }

    /// Where they are kept, which is made when it is first needed.
    final func requiredUndelivered() throws(SystemError) -> Buffer {
        if let undelivered { return undelivered }
        let made = try Buffer()
        undelivered = made
        return made
    }

    /// Keeps bytes that are the next to be delivered.
    final func keep(_ data: RawSpan) throws(SystemError) {
        guard try requiredUndelivered().prepend(data) else { throw SystemError(ENOMEM, "evbuffer_prepend") }
    }

    /// Keeps bytes that are delivered after all others.
    final func keepBehind(_ data: RawSpan) throws(SystemError) {
        guard try requiredUndelivered().append(data) else { throw SystemError(ENOMEM, "evbuffer_add") }
    }

    /// Delivers what is kept, here and then by the filter, until somebody stops that.
    final func deliverKept() {
        while isDelivering, let undelivered, !undelivered.isEmpty { undelivered.consumeFirst { deliver($0) } }
        if isDelivering { filtering?.resume() }
    }

    /// Whether the peer's end may be told: nothing is kept, or left unused by a protocol that is paused, that goes before it.
    package final var isEndNext: Bool {
        !holdsBytes && (!isReadingPaused || connectedProtocol?.hasUnusedBytes != true) && !holdsEndBack
    }

    /// For a HalfCloseProtocol the peer's end is a part of what is read, and waits until it reads again; but not where that end
    /// is the end of all (S7).
    package final var holdsEndBack: Bool {
        guard state == .open, isReadingPaused, connectedProtocol is any HalfCloseProtocol else { return false }
        if case .ended = output { return false }
        return true
    }

    /// Whether bytes of a peer that has finished are to be received though nobody reads: they may be nothing but the
    /// filter's way of saying so.
    package final var looksForLastWords: Bool { filtering != nil && state == .open && !isReading && !hasUndelivered }

    /// Whether bytes have been received that the protocol was not given.
    final var holdsBytes: Bool { keepsBytes || filtering?.hasUndelivered == true }

    /// Bytes have been received that go before the peer's end, kept here, by the filter or by the protocol.
    package final var hasUndelivered: Bool {
        holdsBytes || connectedProtocol?.hasUnusedBytes ?? false
    }
}
