import Glibc

// The conduit: a bufferevent for output that has to wait, or for everything.
extension BufferedTransport {
    /// The conduit, which is made when it is first needed.
    final func requiredConduit() throws(SystemError) -> BufferEvent {
        if let conduit { return conduit }
        let made = try BufferEvent(reactor.base, socket.output, self)
        conduit = made
        return made
    }

    final func dropConduit() {
        guard let conduit = conduit.take() else { return }
        conduit.close()
        reactor.base.bury(conduit)
    }

    // MARK: - Output

    final func appendToBacklog(_ data: RawSpan) {
        guard writeError == nil else { return }
        do throws(SystemError) {
            try appendToConduit(data)
            isBacklogged = true
            backlogGrew()
        } catch {
            writingFailed(error)
        }
    }

    final func appendToConduit(_ data: RawSpan) throws(SystemError) {
        let conduit = try requiredConduit()
        guard !conduit.hasLostPartner else { throw SystemError(EPIPE, "bufferevent_write") }
        guard conduit.write(data) else { throw SystemError(ENOMEM, "bufferevent_write") }
    }

    // MARK: - Input

    /// From so many bytes on it looks as if there were more: libevent reads no more at once.
    private static let fullRead = 4096

    /// Moves what has arrived to where it waits for being delivered; through the filter, if there is one.
    private final func takeInput() throws(SystemError) -> Int {
        guard let conduit, case let count = conduit.inputLength, count > 0 else { return 0 }
        guard filtering != nil else {
            conduit.moveInput(into: try requiredUndelivered())
            return count
        }
        let arrived = try Buffer()
        conduit.moveInput(into: arrived)
        while !arrived.isEmpty { arrived.consumeFirst { received($0) } }
        return count
    }

    /// Keeps what has arrived before the conduit is dropped, with a callback on the stack perhaps.
    final func saveInput() {
        guard let filtering else { return _ = try? takeInput() }
        guard let conduit, let arrived = try? Buffer() else { return }
        conduit.moveInput(into: arrived)
        while !arrived.isEmpty { arrived.consumeFirst { filtering.keep($0) } }
    }
}

extension BufferedTransport: BufferEventHandler {
    final func inputArrived() {
        // Where it is it goes before what comes.
        guard pendingStart == nil || pendingStart?.obstacle == .filter else { return }
        do throws(SystemError) {
            let count = try takeInput()
            guard state == .open else {
                if count > 0 { hasDiscardedInput = true }
                undelivered?.removeAll()
                return
            }
            deliverUndelivered()
            if count >= Self.fullRead { receiveRest() }
        } catch {
            end(ConnectionLost(errno: error.errno))
        }
    }

    final func bufferEventDrained() { conduitDrained() }

    final func bufferEventFailed(_ failure: BufferEvent.Failure) {
        guard !failedEarly(failure) else { return }
        // An end may come before libevent has told of the bytes before it.
        inputArrived()
        guard conduit != nil else { return }
        switch failure {
        case .endOfInput: conduitEnded()
        case .stuckFile: fileIsStuck()
        case .error where state == .lingering: end(endReason)
        case .error(let code): writingFailed(SystemError(code, "send or recv"))
        }
    }

    /// sendfile(2) has sent nothing: because the file has become shorter, or by a whim of the kernel.
    private final func fileIsStuck() {
        guard let conduit else { return }
        guard conduit.hasFile else { return writingFailed(SystemError(EIO, "sendfile")) }
        let isShorter = conduit.isFileTooShort
        conduit.resumeWriting(dropsFile: isShorter)
        guard isShorter else { return }
        measureBacklog()
        // Whose piece it was may have been cancelled, and another sender wait for its turn: nobody is left to say
        // what is missing.
        if let sender = producer?.producer as? FileSender, sender.hasShrunk {
            sender.fileShrank()
        } else {
            writingFailed(SystemError(EIO, "sendfile"))
        }
    }
}
