// The end of a socket's connection (W3).
extension SocketTransport {
    /// Everything is with the kernel. Closes at once if no input is unread and all output is on its way, else
    /// lingers: whatever comes in after closing makes the kernel drop what it has not sent.
    ///
    /// Called with no callback on the stack.
    func closeOrLinger() {
        if peerHasFinished || socket.standardStream != nil { return end(endReason) }
        dropConduit()
        // What a filter said last may be answered, and its peer may be sending still.
        guard filtering == nil else { return lingerOnSocket() }
        switch reactor.receiveBuffer.receive(from: socket) {
        case .received: lingerOnSocket()
        case .empty: hasDiscardedInput || socket.hasUnsentOutput ? lingerOnSocket() : end(endReason)
        case .end: end(endReason)
        case .failed(let error): end(ConnectionLost(errno: error.errno))
        }
    }

    private func lingerOnSocket() {
        socket.shutdownWriting()
        linger()
    }
}
