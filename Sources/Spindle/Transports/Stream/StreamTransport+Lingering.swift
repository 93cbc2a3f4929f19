// Closing with input unread makes the kernel reset the connection and drop what the peer has not read yet. So a connection
// says that it has finished, and reads and throws away until the peer has finished as well, or does not read (W3).
extension StreamTransport {
    /// Throws away what comes until the peer's end, or until the limit is over. The peer was told of our end.
    package final func linger() {
        state = .lingering
        startReceiving()
        watchLingering()
    }

    /// Closes when the limit is over, unless the peer has been reading meanwhile.
    package final func watchLingering() {
        try? limit?.cancel()
        let patience = reactor.options.lingerLimit / (reactor.isClosing ? 2 : 1)
        let before = unreadByPeerCount
        limit = reactor.callLater(patience) { [self] in
            // The end of our data counts for one: that it has arrived says nothing of the peer's reading.
            if before > 1, unreadByPeerCount < before { watchLingering() } else { end(endReason) }
        }
    }
}
