// The protocol wants no bytes for a while (P4).
extension StreamTransport {
    /// Takes effect at once, and costs nothing until something arrives.
    final func pauseReading() {
        guard state == .open || state == .broken, !isReadingPaused else { return }
        isReadingPaused = true
        if !isReading { readingWasPaused() }
    }

    final func resumeReading() {
        guard state == .open || state == .broken, isReadingPaused else { return }
        isReadingPaused = false
        if state == .broken { return reactor.inNextPass { [self] in deliverLast() } }
        guard pendingStart == nil else { return }
        guard keepsBytes || filtering?.hasSomethingToTell == true else { return receiveIfWanted() }
        // What came before goes before: also before the peer's end, if that is next, and before what
        // arrives until the next pass. Pausing may have left the carrier receiving.
        park()
        reactor.inNextPass { [self] in
            deliverUndelivered()
            // Paused again: a peer's end that was reported while there was something unread is not reported again.
            isReadingPaused ? lookForEnd() : receiveIfWanted()
        }
    }

    final func receiveIfWanted() {
        if isDelivering, !peerHasFinished { startReceiving() }
    }
}
