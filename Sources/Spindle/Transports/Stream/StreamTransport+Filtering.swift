// A filter between the carrier and the protocol.
extension StreamTransport {
    /// Has all bytes from here on pass through `filter`, in both directions.
    ///
    /// Before ``begin(_:completion:)`` it holds the protocol's start back until it has begun. In mid-connection, what was
    /// written before leaves as it is, and what was received and not delivered is the first that the filter receives, behind
    /// `rest`: what is left of the bytes that the protocol was just given.
    ///
    /// - Precondition: there is no filter yet.
    package final func insert(_ filter: any StreamFilter, handingOver rest: RawSpan = RawSpan()) {
        precondition(filtering == nil, "a transport has one filter")
        guard state == .open else { return }
        filtering = FilterStage(self, filter)
        guard pendingStart == nil, connectedProtocol != nil else { return }
        let rest = Array(copying: rest) + (undelivered?.copyOfRest() ?? [])
        undelivered = nil
        // Not now: the protocol's callback is on the stack.
        reactor.base.postpone { [self] in
            // One that is closing already has to begin for the sake of what was written.
            guard state == .open || hasPendingOutput else { return }
            beginFiltering()
            if !rest.isEmpty { rest.withRawSpan { received($0) } }
        }
    }

    /// What all bytes pass through, if anything.
    package final var filter: (any StreamFilter)? { filtering?.filter }

    final func beginFiltering() {
        filtering?.start()
        if state == .open, filtering?.hasBegun == false { startReceiving() }
    }

    /// The protocol's bytes pass.
    final func filterBegan() {
        if pendingStart != nil { return startAtLast() }
        if !isReading { readingWasPaused() }
        reactor.inNextPass { [self] in resumeIfLow() }
        queueFlush()
    }

    /// The filter is of no use any more. What it has sent leaves, and what is written goes nowhere.
    final func filterFailed(_ error: any Error) {
        // Whoever waits for a protocol need not wait for the peer to read the filter's last words.
        abandonStart(error)
        beginClosing(because: error)
    }
}
