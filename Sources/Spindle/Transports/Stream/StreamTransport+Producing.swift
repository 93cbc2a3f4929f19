// Producers write at the pace of the peer (P1 to P3).
extension StreamTransport {
    final func register(_ producer: any Producer, _ streaming: Bool) throws {
        guard self.producer == nil else { throw ProducerAlreadyRegistered() }
        guard acceptsWrites else { return producer.stopProducing() }
        // One that has nothing more to produce would be waited for, for ever.
        if let transport = producer as? Transport, transport.hasFinishedProducing { return }
        self.producer = RegisteredProducer(producer: producer, isStreaming: streaming)
        (producer as? Transport)?.consumer = self
        applyLowMark()
        if streaming { backlogGrew() } else { queueFlush() }
    }

    final func forgetProducer() {
        guard producer.take() != nil else { return }
        applyLowMark()
        queueFlush()
    }

    /// How much waits to be sent, in bytes: in the carrier, and for a filter that cannot encode it yet.
    final var pendingByteCount: Int { backlogLength + (filtering?.waiting.count ?? 0) }

    /// Whether anything does.
    final var hasPendingOutput: Bool { isBacklogged || filtering?.holdsOutput == true }

    /// More waits than before.
    package final func backlogGrew() {
        applyLowMark()
        if pendingByteCount > marks.high { pauseProducer() }
    }

    /// Some of what waited has left the carrier, or may leave now.
    package final func backlogChanged() {
        guard writeError == nil, hasCarrier else { return }
        measureBacklog()
        guard writeError == nil else { return }
        resumeIfLow()
        // What the producer has written just now comes first.
        if !isFlushQueued { takeNextStep() }
    }

    /// Has the carrier report when somebody has waited long enough: those who wait for the low mark, or else
    /// those who wait for the last byte.
    private final func applyLowMark() {
        setLowMark(producer?.isStreaming == true || !drainWaiters.isEmpty ? marks.low : 0)
    }

    final func change(_ newMarks: WaterMarks) {
        marks = newMarks
        backlogGrew()
        // Not now: a producer or a task may be on the stack.
        reactor.inNextPass { [self] in resumeIfLow() }
    }

    /// Resumes those who have waited for the low mark, if no more waits.
    final func resumeIfLow() {
        // With a backlog dropped for want of anybody to take it nothing has drained.
        guard hasCarrier, writeError == nil, pendingByteCount <= marks.low else { return }
        resumeProducer()
        releaseDrainWaiters(.success(()))
    }

    /// Pauses a push producer that has filled the backlog, or can reach nobody any more: at once, inside
    /// its own `write`, or one that writes in a loop until it is paused would never end (S2).
    final func pauseProducer() {
        guard let producer, producer.isStreaming, !producer.isPaused else { return }
        self.producer?.isPaused = true
        producer.producer.pauseProducing()
    }

    /// Ends the registration from our side.
    final func stopProducer() {
        producer.take()?.producer.stopProducing()
    }

    private final func resumeProducer() {
        guard let producer, producer.isPaused else { return }
        self.producer?.isPaused = false
        producer.producer.resumeProducing()
    }

    /// Asks a pull producer for its next piece, once in a pass, so that a fast peer's does not starve others.
    final func askForMore() {
        guard producer?.isStreaming == false else { return }
        reactor.inNextPass { [self] in
            guard let producer, !producer.isStreaming, !hasPendingOutput else { return }
            producer.producer.resumeProducing()
        }
    }

    // MARK: - Waiting for the low mark

    /// Never before the next pass: what awaits this in a loop lets others have their turn.
    final func drainedLater() -> Deferred<Void> {
        guard hasCarrier else { return Deferred(.failure(endReason ?? ConnectionDone())) }
        let waiter = Deferred<Void>()
        drainWaiters.append(waiter)
        applyLowMark()
        reactor.inNextPass { [self] in resumeIfLow() }
        return waiter
    }

    final func releaseDrainWaiters(_ result: Result<Void, any Error>) {
        guard !drainWaiters.isEmpty else { return }
        let waiters = drainWaiters
        drainWaiters = []
        applyLowMark()
        for waiter in waiters { try? waiter.fire(result) }
    }
}
