import Glibc

// Another protocol takes the connection over, with what the old one leaves.
extension StreamTransport {
    final func replaceProtocol(with newProtocol: Protocol, handingOver rest: RawSpan) {
        guard let old = connectedProtocol else { return }
        let rest = Array(copying: rest)
        old.isReplaced = true
        // It may have had the connection before.
        newProtocol.isReplaced = false
        newProtocol.attach(to: old.factory)
        newProtocol.attach(to: self)
        connectedProtocol = newProtocol
        handover = Handover(from: old, rest, behind: handover)
        // Not now: the old protocol's callback is on the stack.
        reactor.base.postpone { [self] in introduce(newProtocol) }
    }

    private final func introduce(_ newProtocol: Protocol) {
        guard connectedProtocol === newProtocol, let handover = handover.take() else { return }
        // Closing waited for this.
        queueFlush()
        var failure: SystemError?
        // Before it is told: it may give the connection back to C code at once, and this with it.
        do throws(SystemError) { try putBack(handover.take()) } catch { failure = error }
        do { try newProtocol.makeConnection(self) } catch { return callbackThrew("connectionMade", error) }
        if state == .broken { return deliverLast() }
        guard state == .open else { return }
        protocolChanged()
        if let failure { return end(ConnectionLost(errno: failure.errno)) }
        deliverUndelivered()
        findEndAgain()
        receiveIfWanted()
    }

    /// Has the new protocol hear of a peer that has finished, as the old one has: now, or behind what is not delivered yet.
    private final func findEndAgain() {
        guard state == .open, peerHasFinished else { return }
        peerHasFinished = false
        if let filtering { filtering.repeatEnd() } else { repeatEnd() }
    }

    /// Makes `bytes` the first to be delivered, now or when reading is resumed.
    private final func putBack(_ bytes: [UInt8]) throws(SystemError) {
        guard !bytes.isEmpty else { return }
        try bytes.withRawSpan { data throws(SystemError) in try keep(data) }
    }
}
