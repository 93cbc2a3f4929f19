/// A producer and what the transport has told it.
struct RegisteredProducer {
    let producer: any Producer
    let isStreaming: Bool
    var isPaused = false
}

extension SocketTransport {
    /// With more than this waiting, a push producer is paused; with no more than `lowMark`, resumed.
    private static let highMark = 64 * 1024
    private static let lowMark = 16 * 1024

    func register(_ producer: any Producer, _ streaming: Bool) throws {
        guard self.producer == nil else { throw ProducerAlreadyRegistered() }
        guard acceptsWrites else { return producer.stopProducing() }
        self.producer = RegisteredProducer(producer: producer, isStreaming: streaming)
        bufferEvent?.setLowMark(streaming ? Self.lowMark : 0)
        if streaming { backlogGrew() } else { queueFlush() }
    }

    func forgetProducer() {
        guard producer.take() != nil else { return }
        bufferEvent?.setLowMark(0)
        if state == .closing || isWriteEndRequested { acceptsWrites = false }
        queueFlush()
    }

    func backlogGrew() {
        guard let producer, producer.isStreaming, !producer.isPaused, let bufferEvent else { return }
        bufferEvent.setLowMark(Self.lowMark)
        if bufferEvent.outputLength > Self.highMark { pauseProducer() }
    }

    /// Pauses a push producer that has filled the backlog, or can reach nobody any more: at once, inside
    /// its own `write`, or one that writes in a loop until it is paused would never end.
    func pauseProducer() {
        guard let producer, producer.isStreaming, !producer.isPaused else { return }
        self.producer?.isPaused = true
        producer.producer.pauseProducing()
    }

    /// Ends the registration from our side.
    func stopProducer() {
        producer.take()?.producer.stopProducing()
    }

    func resumeProducerIfLow() {
        guard let producer, producer.isPaused, (bufferEvent?.outputLength ?? 0) <= Self.lowMark else { return }
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
}
