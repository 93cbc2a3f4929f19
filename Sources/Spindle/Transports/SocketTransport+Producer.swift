/// A producer and what the transport has told it.
struct RegisteredProducer {
    let producer: any Producer
    let isStreaming: Bool
    var isPaused = false
}

extension SocketTransport {
    func register(_ producer: any Producer, _ streaming: Bool) throws {
        guard self.producer == nil else { throw ProducerAlreadyRegistered() }
        guard acceptsWrites else { return producer.stopProducing() }
        self.producer = RegisteredProducer(producer: producer, isStreaming: streaming)
        (producer as? Transport)?.consumer = self
        applyLowMark()
        if streaming { backlogGrew() } else { queueFlush() }
    }

    func forgetProducer() {
        guard producer.take() != nil else { return }
        applyLowMark()
        if state == .closing || isWriteEndRequested { acceptsWrites = false }
        queueFlush()
    }

    /// How much waits to be sent, in bytes.
    var backlogLength: Int { (conduit?.outputLength ?? 0) + (mail?.weight ?? 0) }

    /// More waits than before.
    func backlogGrew() {
        applyLowMark()
        if backlogLength > marks.high { pauseProducer() }
    }

    /// Has the bufferevent report when somebody has waited long enough: those who wait for the low mark, or else
    /// those who wait for the last byte.
    private func applyLowMark() {
        conduit?.setLowMark(producer?.isStreaming == true || !drainWaiters.isEmpty ? marks.low : 0)
    }

    /// Whether no more waits than `drained()` and paused producers are content with.
    private var isLow: Bool { backlogLength <= marks.low }

    func change(_ newMarks: WaterMarks) {
        marks = newMarks
        backlogGrew()
        // Not now: a producer or a task may be on the stack.
        reactor.inNextPass { [self] in backlogShrank() }
    }

    /// Less waits than before.
    func backlogShrank() {
        // With a backlog dropped for want of anybody to take it nothing has drained.
        guard state != .closed, writeError == nil, isLow else { return }
        resumeProducer()
        releaseDrainWaiters(.success(()))
    }

    /// Pauses a push producer that has filled the backlog, or can reach nobody any more: at once, inside
    /// its own `write`, or one that writes in a loop until it is paused would never end (S2).
    func pauseProducer() {
        guard let producer, producer.isStreaming, !producer.isPaused else { return }
        self.producer?.isPaused = true
        producer.producer.pauseProducing()
    }

    /// Ends the registration from our side.
    func stopProducer() {
        producer.take()?.producer.stopProducing()
    }

    private func resumeProducer() {
        guard let producer, producer.isPaused else { return }
        self.producer?.isPaused = false
        producer.producer.resumeProducing()
    }

    /// Asks a pull producer for its next piece, once in a pass, so that a fast peer's does not starve others.
    func askForMore() {
        guard producer?.isStreaming == false else { return }
        reactor.inNextPass { [self] in
            guard let producer, !producer.isStreaming, !isBacklogged else { return }
            producer.producer.resumeProducing()
        }
    }

    // MARK: - Waiting for the low mark

    /// Never before the next pass: what awaits this in a loop lets others have their turn.
    func drainedLater() -> Deferred<Void> {
        guard state != .closed else { return Deferred(.failure(endReason)) }
        let waiter = Deferred<Void>()
        drainWaiters.append(waiter)
        applyLowMark()
        reactor.inNextPass { [self] in backlogShrank() }
        return waiter
    }

    func releaseDrainWaiters(_ result: Result<Void, any Error>) {
        guard !drainWaiters.isEmpty else { return }
        let waiters = drainWaiters
        drainWaiters = []
        applyLowMark()
        for waiter in waiters { try? waiter.fire(result) }
    }
}
