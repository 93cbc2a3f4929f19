import Glibc
@_spi(Carriers) public import Spindle

/// One of two that are each other's other end, on one reactor: what is written to one is delivered by the other, in a later
/// pass. The least that a carrier has to do.
@_spi(Carriers)
public final class MemoryTransport: StreamTransport {
    /// Nil once it has let go of the connection.
    private var partner: MemoryTransport?
    /// What the partner has sent and nobody wanted yet; no more than `room`.
    private var inbox: [UInt8] = []
    private var partnerHasFinished = false
    private var wasReset = false
    /// What the partner had no room for.
    private var outbox: [UInt8] = []
    private var takenFromOutbox = 0
    private var isReceiving = false
    private var isDeliveryQueued = false

    private static let room = 65_536

    public static func pair(_ reactor: Reactor) -> (MemoryTransport, MemoryTransport) {
        let pair = (MemoryTransport(reactor: reactor), MemoryTransport(reactor: reactor))
        pair.0.partner = pair.1
        pair.1.partner = pair.0
        return pair
    }

    // MARK: - Sending

    public override func transmit(_ data: RawSpan) {
        guard let partner else { return writingFailed(SystemError(EPIPE, "write")) }
        let fitting = isBacklogged ? 0 : min(data.byteCount, Self.room - partner.inbox.count)
        if fitting > 0 {
            partner.inbox.append(copying: data.extracting(first: fitting))
            partner.queueDelivery()
        }
        guard fitting < data.byteCount else { return }
        outbox.append(copying: data.extracting(fitting...))
        isBacklogged = true
        backlogGrew()
    }

    /// The partner has room again.
    private func sendMore() {
        guard let partner, !outbox.isEmpty else { return }
        let count = min(outbox.count, Self.room - partner.inbox.count)
        partner.inbox += outbox.prefix(count)
        partner.queueDelivery()
        outbox.removeFirst(count)
        takenFromOutbox += count
        backlogChanged()
    }

    public override var backlogLength: Int { outbox.count }
    public override var bytesTaken: Int { takenFromOutbox }
    public override var unreadByPeerCount: Int { partner?.inbox.count ?? 0 }
    public override func dropOutput() { outbox = [] }

    // MARK: - Receiving

    public override func startReceiving() {
        isReceiving = true
        queueDelivery()
    }

    public override func stopReceiving() { isReceiving = false }

    public override func park() {
        isReceiving = false
        queueDelivery()
    }

    public override func lookForEnd() { queueDelivery() }
    public override func repeatEnd() { queueDelivery() }

    private func queueDelivery() {
        guard !isDeliveryQueued, state != .closed else { return }
        isDeliveryQueued = true
        reactor.inNextPass { [self] in
            isDeliveryQueued = false
            deliverNext()
        }
    }

    /// Delivers what has arrived, or else the end that comes behind it.
    private func deliverNext() {
        guard state != .closed else { return }
        let isWanted = isReceiving && (isReading || state != .open)
        if !inbox.isEmpty, isWanted || (partnerHasFinished && looksForLastWords) {
            let bytes = inbox
            inbox = []
            if state != .open { hasDiscardedInput = true }
            bytes.withRawSpan { received($0) }
            partner?.sendMore()
            queueDelivery()
        } else if wasReset {
            breakOff(ConnectionLost(errno: ECONNRESET))
        } else if partnerHasFinished, inbox.isEmpty, !peerHasFinished, isEndNext || state != .open {
            wireEnded()
        }
    }

    public override func receiveUnread() {
        let bytes = inbox
        inbox = []
        bytes.withRawSpan { received($0) }
    }

    // MARK: - Closing

    public override func endOutput() {
        partner?.partnerHasFinished = true
        partner?.queueDelivery()
    }

    public override func finishClosing() {
        // The partner may not have read all of it, and what it writes now it would be told is lost.
        guard state == .closing, !peerHasFinished, hasDiscardedInput || !inbox.isEmpty else { return end(endReason) }
        endOutput()
        linger()
    }

    public override func disconnect(_ how: Disconnection) {
        guard let partner = partner.take() else { return }
        partner.partner = nil
        if how == .reset || !inbox.isEmpty { partner.wasReset = true } else { partner.partnerHasFinished = true }
        partner.queueDelivery()
        if partner.isBacklogged { partner.writingFailed(SystemError(EPIPE, "write")) }
    }
}
