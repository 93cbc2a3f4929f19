// The conduit: a bufferevent for output that has to wait, or for everything.
extension SocketTransport {
    /// The conduit, which is made when it is first needed.
    func requiredConduit() throws(SystemError) -> BufferEvent {
        if let conduit { return conduit }
        let made = try BufferEvent(reactor.base, socket.output, self)
        conduit = made
        return made
    }

    func dropConduit() {
        guard let conduit = conduit.take() else { return }
        conduit.close()
        reactor.base.bury(conduit)
    }

    /// Sends and receives by the conduit from now on.
    ///
    /// - Returns: nil if that cannot be: there is nothing more to send, or no socket but two descriptors, where a
    ///   bufferevent has one.
    func switchToConduit() throws(SystemError) -> BufferEvent? {
        guard state == .open || state == .closing, writeError == nil, socket.stream == nil else { return nil }
        let made = try requiredConduit()
        guard isDirect else { return made }
        isDirect = false
        if let buffer = gathered.take() {
            buffer.withBytes { appendToBacklog($0) }
            reactor.gatherPool.give(buffer)
        }
        if state == .open, connectedProtocol != nil, !peerHasFinished {
            if isReadingPaused {
                park()
            } else {
                stopReading()
                startReading()
            }
        }
        // A producer that was paused by this may have closed the connection.
        return conduit
    }

    /// Whether it is the conduit that receives. It would have the kernel close descriptors, and knows no lingering.
    var conduitReceives: Bool { !isDirect && state == .open && !takesDescriptors }
}

extension SocketTransport: BufferEventHandler {
    func inputArrived() {
        guard let conduit else { return }
        do throws(SystemError) {
            let buffer = try requiredUndelivered()
            conduit.moveInput(into: buffer)
            if state == .open { return deliverUndelivered() }
            hasDiscardedInput = true
            buffer.removeAll()
        } catch {
            end(ConnectionLost(errno: error.errno))
        }
    }

    func outputShrank() {
        if conduit != nil { outputProgressed() }
    }

    /// The kernel has taken some of what waited, or may take more now.
    func outputProgressed() {
        sendMail()
        guard writeError == nil, state != .closed else { return }
        isBacklogged = backlogLength > 0
        backlogShrank()
        // What the producer has written just now comes first.
        if !isFlushQueued { outputMoved() }
    }

    func bufferEventFailed(_ failure: BufferEvent.Failure) {
        switch failure {
        case .endOfInput: inputEnded()
        case .stuckFile: fileIsStuck()
        case .error(let code): writingFailed(SystemError(code, "send or recv"))
        }
    }
}
