// A bufferevent of C code that is not a socket's own: OpenSSL's, a filter, one of a pair. Everything goes through it, and the
// socket below, if there is one, is never read or written here.
extension SocketTransport {
    /// Everything has left the bufferevents; a filter may have something to add.
    func finishClosingLayers() {
        conduit?.finishOutput()
        isBacklogged = backlogLength > 0
        guard !isBacklogged else { return watchProgress() }
        // Closing with unread input would reset the connection and lose what the peer has not read yet (W3).
        let isReset = hasDiscardedInput || socket.unreadCount > 0 || socket.hasUnsentOutput
        if socket.descriptor >= 0, !peerHasFinished, isReset { linger() } else { end(endReason) }
    }

    func outputLeftBelow() {
        guard !isLookingQueued else { return }
        isLookingQueued = true
        reactor.inNextPass { [self] in
            isLookingQueued = false
            if conduit != nil { outputProgressed() }
        }
    }

    /// Whether the peer's end has to wait for what came before it, which nobody reads now (S7).
    func putsOffEnd() -> Bool {
        guard state == .open, isReadingPaused, !isDirect else { return false }
        // A socket says it again when it is read again.
        guard isLayered else { return true }
        isEndPutOff = hasUndelivered || conduit?.hasInput == true
        return isEndPutOff
    }

    /// Takes what came while nobody read, and then the end that was put off.
    func catchUp() {
        inputArrived()
        guard isEndPutOff, state == .open, !isSwitching, !hasUndelivered, conduit?.hasInput != true else { return }
        isEndPutOff = false
        inputEnded()
    }
}
