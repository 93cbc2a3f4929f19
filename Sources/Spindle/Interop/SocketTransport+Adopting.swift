import Glibc
import Logging

// A connection by a bufferevent that C code has made: its beginning, and its way back.
extension SocketTransport {
    /// Has the protocol told in the next pass, unless there is a connection to wait for.
    func awaitConnection() {
        guard adoption?.isConnecting == false else { return }
        // It waits here for good if the reactor never runs, which it must not keep.
        reactor.inNextPass { [weak self] in self?.beginAdopted() }
    }

    func bufferEventConnected() {
        guard let adoption, adoption.isConnecting else { return }
        adoption.isConnecting = false
        learnSocket()
        beginAdopted()
    }

    private func beginAdopted() {
        guard state == .open, let adoption = adoption.take() else { return }
        // libevent never blocks on one that does, by asking how much there is to read; we would.
        if !isLayered { try? socket.setNonBlocking() }
        isBacklogged = backlogLength > 0
        do {
            try start(adoption.newProtocol)
            adoption.end(.success(()))
        } catch {
            adoption.end(.failure(error))
        }
        inputArrived()
        if let failure = adoption.failure, conduit != nil { bufferEventFailed(failure) }
    }

    /// What the bufferevent says before the protocol knows of it. True if that was all.
    func failedEarly(_ failure: BufferEvent.Failure) -> Bool {
        guard let adoption else { return false }
        if adoption.isConnecting {
            end(connectError(failure))
        } else if adoption.failure == nil {
            adoption.failure = failure
        }
        return true
    }

    private func connectError(_ failure: BufferEvent.Failure) -> any Error {
        if let reason = conduit?.lookUpError { return DNSLookupError(name: "", reason: reason) }
        return switch failure {
        case .error(let code): SystemError(code, "connect").connecting(to: peer)
        case .endOfInput, .stuckFile: ConnectError(address: peer, errno: ECONNRESET)
        }
    }

    /// There will be no protocol to be told of the end.
    func abandonAdoption(_ reason: any Error) {
        guard let adoption = adoption.take(), !adoption.end(.failure(reason)) else { return }
        reactor.logger.info("an adopted bufferevent came to nothing: \(reason)")
    }

    func connectionMadeLater() -> Deferred<Void> {
        if let adoption { return adoption.whenOver() }
        return Deferred(state == .closed ? .failure(endReason) : .success(()))
    }

    // MARK: - Giving it back

    func detach(handingBack rest: RawSpan) throws(CannotDetachBufferEventError) -> (BufferEvent, Protocol?) {
        guard state != .closed, writeError == nil else { throw CannotDetachBufferEventError(.lost) }
        guard let conduit, conduit.isAdopted else { throw CannotDetachBufferEventError(.notAdopted) }
        guard state == .open else { throw CannotDetachBufferEventError(.closing) }
        guard mail?.isEmpty ?? true else { throw CannotDetachBufferEventError(.descriptorsWaiting) }
        putGatheredFirst()
        let unread = Array(copying: rest) + (handedOver.take()?() ?? []) + (undelivered?.copyOfRest() ?? [])
        guard unread.withRawSpan({ conduit.putBack($0) }) else { throw CannotDetachBufferEventError(.noMemory) }
        // A socket says it again.
        if isLayered { conduit.hasToldEnd = isEndPutOff || peerHasFinished || adoption?.failure != nil }
        isSwitching = false
        self.conduit = nil
        reactor.base.bury(conduit)
        endReason = ConnectionDone()
        leaveConnection()
        let former = connectedProtocol.take()
        former?.isReplaced = true
        // Not now: the protocol's callback is on the stack.
        reactor.inNextPass { [self] in notifyLoss(UserError()) }
        return (conduit, former)
    }
}
