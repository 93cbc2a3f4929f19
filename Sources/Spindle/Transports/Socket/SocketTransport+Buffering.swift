import Glibc

// Sockets that send and receive by their conduit, because C code has it, a limit has to be kept, or somebody asked for that.
extension SocketTransport {
    /// Sends and receives by the conduit from now on.
    ///
    /// - Returns: nil if that cannot be: there is nothing more to send, or no socket but two descriptors, where a
    ///   bufferevent has one.
    func switchToConduit() throws(SystemError) -> BufferEvent? {
        guard state == .open || state == .closing, writeError == nil, socket.standardStream == nil else { return nil }
        let made = try requiredConduit()
        guard isDirect else { return made }
        isDirect = false
        prependGathered()
        if state == .open, connectedProtocol != nil || filtering != nil, !peerHasFinished {
            if isReading {
                stopReceiving()
                startReceiving()
            } else {
                park()
            }
        }
        // A producer that was paused by this may have closed the connection.
        return conduit
    }

    /// Whether output may go to the kernel past the conduit: one that is shared with C code and empty, on a socket, and
    /// has no limit. What C writes meanwhile comes behind what is gathered.
    func mayPassConduit() -> Bool {
        guard reactor.options.directIO, let conduit, conduit.isShared, pendingStart == nil else { return false }
        // Outside an entry libevent would send what C writes next before what is gathered.
        guard reactor.base.isInside, mail?.isEmpty ?? true else { return false }
        guard !conduit.hasOutput else {
            prependGathered()
            return false
        }
        return conduit.sendsWithoutLimit
    }

    /// Gives what is gathered to the conduit, before all that is there: C wrote that later.
    func prependGathered() {
        guard let conduit, let buffer = gathered.take() else { return }
        let hasRoom = buffer.withBytes { conduit.prepend($0) }
        reactor.gatherPool.give(buffer)
        guard hasRoom else { return writingFailed(SystemError(ENOMEM, "evbuffer_prepend")) }
        isBacklogged = true
        backlogGrew()
    }
}
