import Glibc

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
        putGatheredFirst()
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

    /// Whether output may go to the kernel past the conduit: one that is shared with C code and empty, on a socket, and
    /// has no limit. What C writes meanwhile comes behind what is gathered.
    func mayPassConduit() -> Bool {
        guard reactor.options.directIO, let conduit, conduit.isShared, !isLayered, adoption == nil else { return false }
        // Outside an entry libevent would send what C writes next before what is gathered.
        guard reactor.base.isInside, mail?.isEmpty ?? true else { return false }
        guard !conduit.hasOutput else {
            putGatheredFirst()
            return false
        }
        return conduit.sendsWithoutLimit
    }

    /// Gives what is gathered to the conduit, before all that is there: C wrote that later.
    func putGatheredFirst() {
        guard let conduit, let buffer = gathered.take() else { return }
        let hasRoom = buffer.withBytes { conduit.prepend($0) }
        reactor.gatherPool.give(buffer)
        guard hasRoom else { return writingFailed(SystemError(ENOMEM, "evbuffer_prepend")) }
        isBacklogged = true
        backlogGrew()
    }

    /// Whether it is the conduit that receives. It would have the kernel close descriptors, and knows no lingering.
    var conduitReceives: Bool { !isDirect && (isLayered || state == .open && !takesDescriptors) }

    /// From so many bytes on it looks as if there were more: libevent reads no more at once.
    private static let fullRead = 4096

    /// Moves what has arrived to where it waits for being delivered.
    private func takeInput() throws(SystemError) -> Int {
        guard let conduit, case let count = conduit.inputLength, count > 0 else { return 0 }
        conduit.moveInput(into: try requiredUndelivered())
        return count
    }

    /// The same, before the conduit is dropped.
    func saveInput() { _ = try? takeInput() }
}

extension SocketTransport: BufferEventHandler {
    func inputArrived() {
        // Where it is it goes before what comes.
        guard adoption == nil else { return }
        do throws(SystemError) {
            let count = try takeInput()
            guard state == .open else {
                if count > 0 { hasDiscardedInput = true }
                undelivered?.removeAll()
                return
            }
            deliverUndelivered()
            if count >= Self.fullRead { receivePastConduit() }
        } catch {
            end(ConnectionLost(errno: error.errno))
        }
    }

    /// Receives the rest of what looks like a large piece from the socket itself, in larger bites. Sound as long as nobody
    /// counts what libevent receives, and nothing that it has received is left.
    private func receivePastConduit() {
        guard !isLayered, isDelivering, conduitReceives, conduit?.receivesWithoutLimit == true else { return }
        receive { isDelivering && conduitReceives }
    }

    /// Sees how much waits, whoever wrote it, and whether it ever will leave.
    func measureBacklog() {
        isBacklogged = backlogLength > 0
        if isBacklogged, conduit?.hasLostPartner == true { writingFailed(SystemError(EPIPE, "bufferevent_write")) }
    }

    func outputShrank() {
        if conduit != nil { outputProgressed() }
    }

    /// The kernel has taken some of what waited, or may take more now.
    func outputProgressed() {
        sendMail()
        guard writeError == nil, state != .closed else { return }
        measureBacklog()
        guard writeError == nil else { return }
        backlogShrank()
        // What the producer has written just now comes first.
        if !isFlushQueued { outputMoved() }
    }

    func bufferEventFailed(_ failure: BufferEvent.Failure) {
        guard !failedEarly(failure) else { return }
        // An end may come before libevent has told of the bytes before it.
        inputArrived()
        guard conduit != nil else { return }
        switch failure {
        case .endOfInput:
            // The other one of a pair may be freed behind this, and nothing says so.
            if isLayered { outputLeftBelow() }
            if !putsOffEnd() { inputEnded() }
        case .stuckFile: fileIsStuck()
        case .error where state == .lingering: end(endReason)
        case .error(let code): writingFailed(SystemError(code, "send or recv"))
        }
    }
}
