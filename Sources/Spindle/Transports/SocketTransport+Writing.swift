import Glibc

extension SocketTransport: Flushable {
    /// From here on a write is worth a system call of its own rather than a copy.
    private static let largeWrite = 4096

    func output(_ data: RawSpan) {
        if isBacklogged || !(isDirect || mayPassConduit()) {
            appendToBacklog(data)
        } else if data.byteCount >= Self.largeWrite || !gather(data) {
            send(data)
            // A pull producer is asked for more when this has gone.
            if producer != nil { queueFlush() }
        }
    }

    /// Keeps a copy until the entry ends. False when too much is gathered already.
    private func gather(_ data: RawSpan) -> Bool {
        if let gathered { return gathered.appendIfItFits(data) }
        let buffer = reactor.gatherPool.take()
        let fits = buffer.appendIfItFits(data)
        gathered = buffer
        queueFlush()
        return fits
    }

    /// Has `flush` called when the current entry ends.
    func queueFlush() {
        guard !isFlushQueued else { return }
        isFlushQueued = true
        if !isReceiving { reactor.base.flushLater(self) }
    }

    func flush() {
        isFlushQueued = false
        sendGathered()
        // C code writes to it as well.
        if !isDirect { measureBacklog() }
        outputMoved()
    }

    /// Sends what was gathered, now.
    func sendGathered() {
        if !isDirect, conduit?.hasOutput == true { return putGatheredFirst() }
        guard let buffer = gathered.take() else { return }
        if !buffer.isEmpty, writeError == nil {
            buffer.withBytes { account(for: socket.send($0), RawSpan(), $0) }
        }
        reactor.gatherPool.give(buffer)
    }

    /// Sends what was gathered and `data` behind it, now.
    private func send(_ data: RawSpan) {
        guard let buffer = gathered.take() else { return account(for: socket.send(data), RawSpan(), data) }
        // Taken out first: a producer that is paused by this may abort, and the buffer be another's.
        buffer.withBytes { account(for: socket.send($0, data), $0, data) }
        reactor.gatherPool.give(buffer)
    }

    /// Puts what the kernel did not take of `first` and `second` into the backlog.
    private func account(for outcome: Socket.SendOutcome, _ first: RawSpan, _ second: RawSpan) {
        switch outcome {
        case .sent(let count):
            if count < first.byteCount { appendToBacklog(first.extracting(count...)) }
            let rest = max(0, count - first.byteCount)
            if rest < second.byteCount { appendToBacklog(second.extracting(rest...)) }
        case .failed(let error): writingFailed(error)
        }
    }

    func appendToBacklog(_ data: RawSpan) {
        guard writeError == nil else { return }
        // Nothing would tell when it has room again.
        if socket.stream?.writesToFile == true { return writingFailed(SystemError(ENOSPC, "write")) }
        do throws(SystemError) {
            if let mail, !mail.isEmpty {
                mail.append(data)
            } else {
                try appendToConduit(data)
            }
            isBacklogged = true
            backlogGrew()
        } catch {
            writingFailed(error)
        }
    }

    func appendToConduit(_ data: RawSpan) throws(SystemError) {
        let conduit = try requiredConduit()
        guard !conduit.hasLostPartner else { throw SystemError(EPIPE, "bufferevent_write") }
        guard conduit.write(data) else { throw SystemError(ENOMEM, "bufferevent_write") }
    }

    /// Some output has gone, or none was left: does what was waiting for that.
    func outputMoved() {
        guard state != .closed, writeError == nil, !isSwitching else { return }
        guard !isBacklogged else { return state == .closing ? watchProgress() : () }
        guard producer == nil else {
            watchProducer()
            return askForMore()
        }
        if state == .closing {
            finishClosing()
        } else if isWriteEndRequested, !hasFinishedWriting, state == .open {
            endWriting()
        }
    }

    /// Nothing can be sent any more. What the peer sent before is still delivered; then the
    /// connection ends, with this error as the reason.
    func writingFailed(_ error: SystemError) {
        guard writeError == nil, state != .closed else { return }
        writeError = error.errno
        acceptsWrites = false
        isBacklogged = false
        saveInput()
        dropConduit()
        mail?.close()
        pauseProducer()
        // Not now: the protocol's callback may be on the stack.
        reactor.inNextPass { [self] in
            deliverRemains()
            // Behind the introduction of a new protocol, if that was set off.
            reactor.base.postpone { [self] in
                end(endReason is ConnectionDone ? ConnectionLost(errno: error.errno) : endReason)
            }
        }
    }
}
