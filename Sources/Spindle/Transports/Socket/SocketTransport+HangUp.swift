import Glibc

// A connection that is paused, or that its peer has finished sending on, is watched for the rest (S7).
extension SocketTransport: HangUpHandler {
    func watchForHangUp() {
        // A regular file, or /dev/null, has nobody who could hang up.
        guard watchSlot == nil, !isUnwatchable, let watch = reactor.hangUpWatch else { return }
        do throws(SystemError) {
            watchSlot = Int32(try watch.add(socket.descriptor, self))
        } catch {
            reactor.inNextPass { [self] in end(ConnectionLost(errno: error.errno)) }
        }
    }

    func stopWatching() {
        guard let slot = watchSlot.take() else { return }
        reactor.hangUpWatch?.remove(socket.descriptor, Int(slot))
    }

    func mayHaveHungUp() {
        guard watchSlot != nil, state == .open || state == .closing else { return }
        // A new protocol hears of its connection before it hears of the end.
        guard handover == nil else { return reactor.base.postpone { [self] in mayHaveHungUp() } }
        if let error = socket.takeError() { return breakOff(ConnectionLost(errno: error.errno)) }
        if peerHasFinished {
            // A UNIX socket's peer that is gone altogether resets nothing, and says so in this way only. A pipe's
            // has nothing to do with who reads the output.
            return socket.standardStream == nil && socket.hasHungUp ? end(ConnectionLost(errno: EPIPE)) : ()
        }
        // What is over in both directions is told of at once, also to those who would hear of one direction when they read again.
        guard !hasUndelivered, !holdsEndBack || (socket.standardStream == nil && socket.hasHungUp) else { return }
        switch socket.peek() {
        case .received: if looksForLastWords { receiveLastWords() }
        case .empty: break
        case .end: wireEnded()
        case .failed(let error): breakOff(ConnectionLost(errno: error.errno))
        }
    }

    private func receiveLastWords() {
        guard socket.peerHasShutDown, socket.unreadCount <= reactor.receiveBuffer.capacity else { return }
        while watchSlot != nil, looksForLastWords {
            switch reactor.receiveBuffer.receive(from: socket) {
            case .received(let count): reactor.receiveBuffer.withBytes(count) { received($0) }
            case .empty: return
            case .end: return wireEnded()
            case .failed(let error): return end(ConnectionLost(errno: error.errno))
            }
        }
    }
}
