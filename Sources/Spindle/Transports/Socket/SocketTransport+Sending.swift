import Glibc

// Bytes go to the kernel at once if there are many, at the end of the entry if there are few, and to the conduit if they cannot.
extension SocketTransport {
    /// From here on a write is worth a system call of its own rather than a copy.
    private static let largeWrite = 4096

    func send(_ data: RawSpan) {
        if isBacklogged || !(isDirect || mayPassConduit()) {
            wait(data)
        } else if data.byteCount >= Self.largeWrite || !gather(data) {
            sendNow(data)
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
    private func sendNow(_ data: RawSpan) {
        guard let buffer = gathered.take() else { return account(for: socket.send(data), RawSpan(), data) }
        // Taken out first: a producer that is paused by this may abort, and the buffer be another's.
        buffer.withBytes { account(for: socket.send($0, data), $0, data) }
        reactor.gatherPool.give(buffer)
    }

    /// Has what the kernel did not take of `first` and `second` wait.
    private func account(for outcome: Socket.SendOutcome, _ first: RawSpan, _ second: RawSpan) {
        switch outcome {
        case .sent(let count):
            if count < first.byteCount { wait(first.extracting(count...)) }
            let rest = max(0, count - first.byteCount)
            if rest < second.byteCount { wait(second.extracting(rest...)) }
        case .failed(let error): writingFailed(error)
        }
    }

    /// Puts bytes behind what waits: behind a descriptor, or in the conduit.
    private func wait(_ data: RawSpan) {
        guard writeError == nil else { return }
        // Nothing would tell when it has room again.
        if socket.standardStream?.writesToFile == true { return writingFailed(SystemError(ENOSPC, "write")) }
        guard let mail, !mail.isEmpty else { return appendToBacklog(data) }
        mail.append(data)
        isBacklogged = true
        backlogGrew()
    }

    /// The kernel has taken some of what waited, or may take more now.
    func sendMore() {
        sendMail()
        backlogChanged()
    }
}
