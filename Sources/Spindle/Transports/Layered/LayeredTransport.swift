import Glibc

/// A connection by a bufferevent of C code's that is not a socket's own: OpenSSL's, a filter, one of a pair, a pipe's.
///
/// Everything goes through it, and the socket below, if there is one, is never read or written here.
final class LayeredTransport: BufferedTransport {
    /// The peer's end was reported while reading is paused, with something before it.
    private(set) var isEndPutOff = false
    private var isLookingQueued = false

    // MARK: - What a carrier does

    override func startReceiving() {
        super.startReceiving()
        if state == .open { reactor.inNextPass { [self] in lookForEnd() } }
    }

    /// Takes what came while nobody read, and then the end that was put off.
    override func lookForEnd() {
        inputArrived()
        guard isEndPutOff, state == .open, handover == nil, !hasUndelivered, conduit?.hasInput != true, !holdsEndBack
        else { return }
        isEndPutOff = false
        wireEnded()
    }

    override func repeatEnd() { isEndPutOff = true }

    override func measureBacklog() {
        super.measureBacklog()
        // Whoever was to read what waits has gone, and libevent does not say so.
        if isBacklogged, conduit?.hasLostPartner == true { writingFailed(SystemError(EPIPE, "bufferevent_write")) }
    }

    override func flush() {
        flushBegins()
        measureBacklog()
        takeNextStep()
    }

    override func endOutput() { conduit?.finishOutput() }

    /// Everything has left the bufferevents; a filter may have something to add.
    override func finishClosing() {
        if state == .lingering { return watchLingering() }
        conduit?.finishOutput()
        super.measureBacklog()
        guard !isBacklogged else { return watchProgress() }
        // Closing with unread input would reset the connection and lose what the peer has not read yet (W3).
        let isReset = hasDiscardedInput || socket.unreadCount > 0 || socket.hasUnsentOutput
        guard socket.descriptor >= 0, !peerHasFinished, isReset else { return end(endReason) }
        socket.shutdownWriting()
        linger()
    }

    override func disconnect(_ how: Disconnection) {
        if how == .reset, socket.descriptor >= 0 { socket.resetOnClose() }
        super.disconnect(how)
    }

    // MARK: - What the conduit does

    override func conduitEnded() {
        // The other one of a pair may be freed behind this, and nothing says so.
        lowestLayerDrained()
        let isSomethingLeft = hasUndelivered || conduit?.hasInput == true || holdsEndBack
        isEndPutOff = state == .open && !isReading && isSomethingLeft
        if !isEndPutOff { super.conduitEnded() }
    }

    override func lowestLayerDrained() {
        guard !isLookingQueued else { return }
        isLookingQueued = true
        reactor.inNextPass { [self] in
            isLookingQueued = false
            conduitDrained()
        }
    }

    override var mustTellEndAgain: Bool { isEndPutOff || peerHasFinished || pendingStart?.afterwards != nil }

    // MARK: - What a socket below allows

    override var fileDescriptor: CInt? { conduit == nil ? nil : super.fileDescriptor }

    override func goBuffered() throws(SystemError) -> BufferEvent? {
        guard state == .open || state == .closing, writeError == nil else { return nil }
        return conduit
    }
}
