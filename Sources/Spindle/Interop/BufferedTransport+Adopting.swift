import Glibc
import Logging

// A connection by a bufferevent that C code has made: its beginning, and its way back.
extension BufferedTransport {
    /// Has the protocol told in the next pass, or when the bufferevent is connected.
    final func beginAdopted(_ newProtocol: Protocol, isConnecting: Bool) {
        begin(.ready(newProtocol), behind: isConnecting ? .connecting : .nextPass, completion: nil)
        guard !isConnecting else { return }
        // It waits here for good if the reactor never runs, which it must not keep.
        reactor.inNextPass { [weak self] in self?.becomeReady() }
    }

    final func bufferEventConnected() {
        guard let pendingStart, pendingStart.obstacle == .connecting else { return }
        pendingStart.obstacle = .nextPass
        learnSocket()
        becomeReady()
    }

    private final func becomeReady() {
        guard state == .open, let pendingStart else { return }
        // libevent never blocks on one that does, by asking how much there is to read; we would.
        if self is SocketTransport { try? socket.setNonBlocking() }
        isBacklogged = backlogLength > 0
        carrierIsReady()
        inputArrived()
        pendingStart.afterwards?()
    }

    /// What the bufferevent says before the protocol knows of it. True if that was all.
    final func failedEarly(_ failure: BufferEvent.Failure) -> Bool {
        guard let pendingStart, pendingStart.obstacle != .filter else { return false }
        if pendingStart.obstacle == .connecting {
            end(connectError(failure))
        } else if pendingStart.afterwards == nil {
            pendingStart.afterwards = { [weak self] in
                if let self, conduit != nil { bufferEventFailed(failure) }
            }
        }
        return true
    }

    private final func connectError(_ failure: BufferEvent.Failure) -> any Error {
        if let reason = conduit?.lookUpError { return DNSLookupError(name: "", reason: reason) }
        return switch failure {
        case .error(let code): SystemError(code, "connect").connecting(to: peer)
        case .endOfInput, .stuckFile: ConnectError(address: peer, errno: ECONNRESET)
        }
    }

    // MARK: - Giving it back

    final func detach(handingBack rest: RawSpan) throws(CannotDetachBufferEventError) -> (BufferEvent, Protocol?) {
        guard state != .closed, writeError == nil else { throw CannotDetachBufferEventError(.lost) }
        guard let conduit, conduit.isAdopted, filtering == nil else { throw CannotDetachBufferEventError(.notAdopted) }
        guard state == .open else { throw CannotDetachBufferEventError(.closing) }
        guard !holdsDescriptors else { throw CannotDetachBufferEventError(.descriptorsWaiting) }
        putGatheredFirst()
        let unread = Array(copying: rest) + (handover.take()?.take() ?? []) + (undelivered?.copyOfRest() ?? [])
        guard unread.withRawSpan({ conduit.putBack($0) }) else { throw CannotDetachBufferEventError(.noMemory) }
        conduit.hasToldEnd = mustTellEndAgain
        self.conduit = nil
        reactor.base.bury(conduit)
        endReason = nil
        letGo(.handOver)
        let former = connectedProtocol.take()
        former?.isReplaced = true
        // Not now: the protocol's callback is on the stack.
        reactor.inNextPass { [self] in notifyLoss(UserError()) }
        return (conduit, former)
    }
}
