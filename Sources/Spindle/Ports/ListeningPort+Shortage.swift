import Glibc
import Logging

/// A time in which connections cannot be accepted, for want of descriptors or memory.
struct AcceptShortage {
    let began: MonotonicTime
    /// False when accepting is tried again, and has not failed yet.
    var isWaiting = true
    /// How many of those who waited were turned away.
    var refused = 0
    var timer: DelayedCall?
}

// The kernel says again and again that somebody waits, so the listener pauses and tries again at
// intervals. For a short while those who come stay in the kernel's queue; then they are turned
// away, which they can act upon, as long as that lasts (F6).
extension ListeningPort {
    private static let retryInterval: Duration = .milliseconds(100)
    /// How long those who come may wait before they are turned away.
    private static let patience: Duration = .seconds(1)
    /// A shortage is over when accepting has not failed for this long; it is logged once from end to end.
    private static let recovery: Duration = .seconds(1)

    func acceptFailed(_ error: SystemError) {
        // Of a connection that broke before it was accepted, accept(2) hands on the error.
        guard error.meansShortage else {
            return reactor.logger.debug("a connection to \(address) broke before it was accepted: \(error)")
        }
        if shortage == nil {
            reactor.logger.error("cannot accept connections to \(address) for now: \(SystemError.text(error.errno))")
            shortage = AcceptShortage(began: reactor.now)
        }
        shortage?.isWaiting = true
        listener?.pause()
        setTimer(Self.retryInterval) { $0.tryAgain() }
    }

    private func turnAway() -> Int {
        guard let socket else { return 0 }
        return reactor.reserveDescriptor?.lend {
            (0..<Self.acceptsPerPass).prefix { _ in socket.turnAwayNext() }.count
        } ?? 0
    }

    private func tryAgain() {
        guard let shortage else { return }
        if DescriptorLimit.hasRoom {
            self.shortage?.isWaiting = false
            resumeAccepting()
            return setTimer(Self.recovery) { $0.recovered() }
        }
        if shortage.began.advanced(by: Self.patience) <= reactor.now { self.shortage?.refused += turnAway() }
        setTimer(Self.retryInterval) { $0.tryAgain() }
    }

    private func setTimer(_ delay: Duration, _ body: @escaping (ListeningPort) -> Void) {
        try? shortage?.timer?.cancel()
        shortage?.timer = reactor.callLater(delay) { [weak self] in
            if let self { body(self) }
        }
    }

    private func recovered() {
        guard let shortage else { return }
        reactor.logger.notice("accepting connections to \(address) again; \(shortage.refused) were refused meanwhile")
        endShortage()
    }

    func endShortage() {
        try? shortage?.timer?.cancel()
        shortage = nil
    }
}
