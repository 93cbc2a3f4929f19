import Glibc

extension SocketTransport: EventHandler {
    /// A full receive buffer suggests that there is more; but others want their turn, too.
    private static let receivesPerEntry = 4

    // MARK: - From the socket

    func eventFired() {
        switch state {
        case .open where !isReading: park()
        case .open: receiveAndFlush()
        case .closing, .lingering: discardInput()
        case .broken, .closed: break
        }
    }

    /// What is written meanwhile leaves when the last callback has returned: here, which for a
    /// reply to what was received spares a place in the base's list of those to flush.
    private func receiveAndFlush() {
        flushesByItself = true
        receive { isDelivering && !conduitReceives }
        flushesByItself = false
        if isFlushQueued { flush() }
    }

    /// Receives and delivers, a few times while there is enough and `goesOn`.
    private func receive(while goesOn: () -> Bool) {
        let buffer = reactor.receiveBuffer
        for _ in 0..<Self.receivesPerEntry {
            switch receiveNext() {
            case .received(let count):
                buffer.withBytes(count) { filtering == nil ? deliver($0) : received($0) }
                guard count == buffer.capacity, goesOn() else { return }
            case .empty: return
            // A conduit will say so itself, and at the same time keep its place in libevent's.
            case .end: return conduitReceives ? () : wireEnded()
            case .failed(let error): return end(ConnectionLost(errno: writeError ?? error.errno))
            }
        }
    }

    private func receiveNext() -> ReceiveBuffer.Outcome {
        takesDescriptors ? receiveWithDescriptors() : reactor.receiveBuffer.receive(from: socket)
    }

    /// Receives the rest of what looks like a large piece from the socket itself, in larger bites. Sound as long as nobody
    /// counts what libevent receives, and nothing that it has received is left.
    func receivePastConduit() {
        guard isDelivering, conduitReceives, conduit?.receivesWithoutLimit == true else { return }
        receive { isDelivering && conduitReceives }
    }

    /// Receives what had arrived before the connection was known to be lost.
    func receiveWhatHasArrived() {
        // What comes from now on may have no end: from a peer that still sends, or a file.
        var left = isUnwatchable ? 0 : socket.unreadCount
        while state == .open, left > 0 {
            guard case .received(let count) = receiveNext() else { return }
            left -= count
            reactor.receiveBuffer.withBytes(count) { received($0) }
        }
    }

    /// Reads what nobody wants, while closing; the filter may still have to hear of it.
    private func discardInput() {
        // Others may read standard input after us.
        guard socket.standardStream == nil else { return stopReceiving() }
        switch reactor.receiveBuffer.receive(from: socket) {
        case .received(let count):
            hasDiscardedInput = true
            reactor.receiveBuffer.withBytes(count) { received($0) }
        case .empty: break
        case .end: wireEnded()
        // Where there is a filter this side lingers in any case, also for peers that close with its last words unread, which
        // resets the connection.
        case .failed(let error):
            end(state == .lingering && filtering != nil ? endReason : ConnectionLost(errno: error.errno))
        }
    }

    // MARK: - Beginning

    func receiveFromNowOn() {
        // Nobody but the protocol reads standard input.
        guard socket.standardStream == nil || state == .open else { return }
        stopWatching()
        if conduitReceives {
            conduit?.startReading()
        } else {
            if isUnwatchable { return readInEachPass() }
            let event = readEvent ?? Event(reactor.base, socket.descriptor, .readable, self)
            readEvent = event
            do throws(SystemError) { try event.add() } catch {
                reactor.inNextPass { [self] in end(ConnectionLost(errno: error.errno)) }
            }
        }
    }

    /// Whether epoll does not watch it: a regular file, or /dev/null.
    var isUnwatchable: Bool { socket.standardStream?.isUnwatchable ?? false }

    private func readInEachPass() {
        guard !isReadQueued else { return }
        isReadQueued = true
        reactor.inNextPass { [self] in
            isReadQueued = false
            guard state == .open, isReading, !peerHasFinished else { return }
            receiveAndFlush()
            if isDelivering, !peerHasFinished { readInEachPass() }
        }
    }
}
