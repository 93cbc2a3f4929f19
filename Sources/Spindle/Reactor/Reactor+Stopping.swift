import Logging

extension Reactor {
    /// Stops the reactor: `run()` returns when what is open has been closed.
    ///
    /// First come the triggers of ``SystemEventPhase/before``, while everything goes on as it was. When the
    /// Deferreds that they return have fired, ports close, spawned tasks are cancelled, and each connection is told
    /// to close and given ``Options/shutdownGrace`` to send what it still has to. All of them get
    /// their connectionLost. Delayed calls that are pending in the end, and watches, are cancelled (R4).
    ///
    /// - Throws: ``ReactorNotRunning`` when not running, or stopping already (R2).
    public func stop() throws {
        requireThread()
        guard phase == .running else { throw ReactorNotRunning() }
        phase = .stopRequested
        inNextPass { [self] in fire(.before, .shutdown) { [self] in close() } }
    }

    /// Ends what is open.
    private func close() {
        phase = .closing
        for list in open.lists { list.end(.closing) }
        graceTimer = callLater(options.shutdownGrace) { [unowned self] in
            phase = .abandoning
            open.connections.end(.outOfTime)
        }
        fire(.during, .shutdown)
    }

    /// Whether nothing is left that the end of `run()` would have to wait for.
    var isFinished: Bool {
        guard isClosing else { return false }
        return !open.lists.contains { $0.isAwaited(isOutOfTime: phase == .abandoning) }
    }

    /// Lets go of what would otherwise keep the reactor, and be kept by it, for ever.
    func cleanUp() {
        (graceTimer, awaitedOutcomes) = (nil, [])
        if phase == .abandoning, !open.tasks.isEmpty {
            let places = open.tasks.all.map { "\($0.origin)" }.joined(separator: ", ")
            logger.warning("the reactor stopped without waiting for tasks any longer that were spawned at \(places)")
        }
        open.ports.end(.over)
        callOff()
        // The last words of tasks and connections. A loop that goes on queueing calls is cut short.
        for _ in 0..<100 where handle.queue.hasWork {
            base.isInside ? takeTurn(calls: .max, timersBefore: 0) : turn()
        }
        callOff()
        handle.endRun()
        (ownThreadPool, threadLimit) = (nil, nil)
    }

    /// Ends what would be called later.
    private func callOff() {
        timers.end(.over)
        open.watches.end(.over)
    }
}
