import Glibc

// Another protocol takes the connection over, with what the old one leaves.
extension SocketTransport {
    func replaceProtocol(with newProtocol: Protocol, handingOver rest: RawSpan) {
        guard let old = connectedProtocol else { return }
        let rest = Array(copying: rest)
        old.isReplaced = true
        newProtocol.attach(to: old.factory)
        newProtocol.attach(to: self)
        connectedProtocol = newProtocol
        isSwitching = true
        handedOver = { rest + old.takeUnusedBytes() }
        // Not now: the old protocol's callback is on the stack.
        reactor.base.postpone { [self] in introduce(newProtocol) }
    }

    private func introduce(_ newProtocol: Protocol) {
        guard isSwitching, connectedProtocol === newProtocol else { return }
        isSwitching = false
        // Closing waited for this.
        queueFlush()
        var failure: SystemError?
        // Before it is told: it may give the connection back to C code at once, and this with it.
        do throws(SystemError) { try putBack(handedOver.take()?() ?? []) } catch { failure = error }
        do { try newProtocol.makeConnection(self) } catch { return callbackThrew("connectionMade", error) }
        guard state == .open else { return }
        learnAgainWhetherDescriptorsAreTaken()
        if let failure { return end(ConnectionLost(errno: failure.errno)) }
        deliverUndelivered()
        findEndAgain()
        continueReading()
    }

    /// Has the new protocol hear of a peer that has finished, as the old one has: now, or behind what is not delivered yet.
    private func findEndAgain() {
        guard state == .open, peerHasFinished else { return }
        peerHasFinished = false
        if isLayered { isEndPutOff = true } else { mayHaveHungUp() }
    }

    /// Makes `bytes` the first to be delivered, now or when reading is resumed.
    private func putBack(_ bytes: [UInt8]) throws(SystemError) {
        guard !bytes.isEmpty else { return }
        try bytes.withRawSpan { data throws(SystemError) in try keep(data) }
    }

    func keep(_ data: RawSpan) throws(SystemError) {
        guard try requiredUndelivered().prepend(data) else { throw SystemError(ENOMEM, "evbuffer_prepend") }
    }
}
