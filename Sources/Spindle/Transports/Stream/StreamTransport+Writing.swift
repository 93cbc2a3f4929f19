// What protocols write goes to the carrier, and what waits for that to be gone is done.
extension StreamTransport: Flushable {
    /// The errno of the write that failed.
    package final var writeError: CInt? {
        if case .failed(let errno) = output { errno } else { nil }
    }

    /// Whether protocols and producers may write.
    final var acceptsWrites: Bool {
        switch output {
        case .open: true
        case .ending: producer != nil
        case .ended, .failed: false
        }
    }

    /// Whether the carrier is to take `data` now: not after the end, and not if the filter has taken it.
    @inline(__always)
    package final func admits(_ data: RawSpan) -> Bool {
        reactor.requireThread()
        guard acceptsWrites else {
            // A producer that writes in a loop until it is paused would never end.
            pauseProducer()
            return false
        }
        guard data.byteCount > 0 else { return false }
        reactor.bytesWritten += data.byteCount
        guard let filtering else { return true }
        filtering.write(data)
        return false
    }

    /// Has `flush` called when the current entry ends.
    package final func queueFlush() {
        guard !isFlushQueued else { return }
        isFlushQueued = true
        if !flushesByItself { reactor.base.flushLater(self) }
    }

    /// What comes first in every `flush()`.
    @inline(__always)
    package final func flushBegins() {
        isFlushQueued = false
        filtering?.flush()
    }

    /// Some output has gone, or none was left: does what was waiting for that.
    package final func takeNextStep() {
        guard hasCarrier, writeError == nil, handover == nil else { return }
        guard !hasPendingOutput else { return state == .closing ? watchProgress() : () }
        guard producer == nil else {
            watchProducer()
            return askForMore()
        }
        guard isWritingOver else { return }
        // The filter's last words go before the carrier's end.
        if let filtering, filtering.finish() { return queueFlush() }
        if state == .closing { finishClosing() } else { endWriting() }
    }

    /// Whether what was written is all there will be, and the end of it was not told yet.
    private final var isWritingOver: Bool {
        if state == .closing { return true }
        guard state == .open, case .ending = output else { return false }
        return true
    }

    /// Nothing can be sent any more. What the peer sent before is still delivered; then the
    /// connection ends, with this error as the reason.
    package final func writingFailed(_ error: SystemError) {
        guard writeError == nil, hasCarrier else { return }
        output = .failed(errno: error.errno)
        isBacklogged = false
        dropOutput()
        pauseProducer()
        // Not now: the protocol's callback may be on the stack.
        reactor.inNextPass { [self] in
            deliverUndelivered()
            // Behind the introduction of a new protocol, if that was set off.
            reactor.base.postpone { [self] in breakOff(endReason ?? ConnectionLost(errno: error.errno)) }
        }
    }
}
