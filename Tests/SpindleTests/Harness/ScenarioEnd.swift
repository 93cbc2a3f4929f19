import Spindle
import Testing

/// Stops the reactor when both sides are done; and, long after they should have been, by force.
final class ScenarioEnd {
    private unowned let reactor: Reactor
    private var watchdog: DelayedCall?
    var peerError: (any Error)?
    var peerHasEnded = false { didSet { stopIfDone() } }
    var connectionIsLost = false { didSet { stopIfDone() } }
    var handle: ReactorHandle { reactor.handle }

    init(_ reactor: Reactor) {
        self.reactor = reactor
        watchdog = reactor.callLater(.seconds(60 * Patience.factor)) { [weak self] in
            guard let self, !self.reactor.isStopping else { return }
            Issue.record("timed out: peer ended \(peerHasEnded), connection lost \(connectionIsLost)")
            try self.reactor.stop()
        }
    }

    /// Runs the reactor, with the other side of the connection played by `script` on a thread of its own.
    @available(*, noasync)
    func run(
        against script: @escaping @Sendable (Peer) throws -> Void, on connect: @escaping @Sendable () throws -> Peer
    ) throws {
        let ended = reactor.bound(self)
        let thread = ScriptThread {
            var failure: (any Error)?
            do {
                let peer = try connect()
                defer { peer.close() }
                try script(peer)
            } catch { failure = error }
            ended.handle.callFromThread { [failure] reactor in
                ended.value(on: reactor).peerError = failure
                ended.value(on: reactor).peerHasEnded = true
            }
        }
        try reactor.run()
        thread.join()
    }

    private func stopIfDone() {
        if peerHasEnded && connectionIsLost && !reactor.isStopping { try? reactor.stop() }
    }
}
