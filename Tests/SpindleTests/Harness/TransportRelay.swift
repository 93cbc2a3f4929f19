import Spindle

/// Joins a transport to a socket, so that a peer's script, which has the socket's other end, has to do with whoever has
/// the transport's other end: the subject.
///
/// Bytes pass with back-pressure, each direction's end passes behind them, and what breaks one side breaks the other one.
final class TransportRelay {
    /// What the transport is to be connected with; see ``Side/factory()``.
    let inner = Side()
    private let outer = Side()
    private let reactor: Reactor
    private let socket: Peer
    private let passesResets: Bool

    /// The subject's transport, where it is known.
    private var subject: Transport?
    private var isSubjectGone: Bool { subject.map { !$0.isConnected } ?? false }
    private var hasSubjectLeft = false
    private var hasPeerLeft = false
    private var isLooking = false
    private let over = Deferred<Void>()

    /// How much the kernel holds for either side, and a transport receives at once. The less there is of it, the sooner one
    /// end feels what the other one does.
    private static let mouthful = 65_536

    /// - Parameters:
    ///   - reactor: the transport's.
    ///   - socket: taken over as soon as the transport is connected.
    ///   - passesResets: whether the transport knows resets. If not, whatever ends the socket ends it in good order.
    init(_ reactor: Reactor, to socket: Peer, passesResets: Bool) {
        self.reactor = reactor
        self.socket = socket
        self.passesResets = passesResets
        (inner.relay, outer.relay) = (self, self)
    }

    /// Fires when both sides are over.
    func whenOver() -> Deferred<Void> { over }

    /// Makes the relay a companion of `subject`, which lives on the same reactor.
    ///
    /// A stopping reactor tells both ends of such a connection to close, and one that is closing passes nothing on. So the
    /// reactor waits with that until the subject, which is told before, has come to its end, or its grace is over. And while
    /// nothing is read for the peer's sake, the subject is looked at, which might leave unnoticed.
    func accompany(_ subject: Transport) {
        self.subject = subject
        reactor.addSystemEventTrigger(.before, .shutdown) { [self] in
            subject.loseConnection()
            lookForSubject()
            reactor.callLater(reactor.options.shutdownGrace) { [over] in if !over.hasFired { try over.callback(()) } }
            return over
        }
    }

    /// One of the two protocols. What it receives it produces for the other one's transport.
    final class Side: Protocol, HalfCloseProtocol, Producer {
        /// Until both are over.
        fileprivate var relay: TransportRelay?
        private var isHeldBack = false
        fileprivate var hasEndedReading = false
        fileprivate var hasEndedWriting = false
        fileprivate var lossReason: (any Error)?

        override func connectionMade() throws { try relay?.made(self) }

        override func dataReceived(_ data: RawSpan) { relay?.received(data, by: self) }

        func readConnectionLost() {
            hasEndedReading = true
            relay?.endedReading(self)
        }

        func writeConnectionLost() {
            hasEndedWriting = true
            relay?.endedWriting(self)
        }

        override func connectionLost(_ reason: any Error) {
            lossReason = reason
            relay?.lost(self, reason)
        }

        func pauseProducing() {
            isHeldBack = true
            transport.pauseProducing()
            relay?.lookForSubject()
        }

        func resumeProducing() {
            isHeldBack = false
            transport.resumeProducing()
        }

        /// The other side is lost, and while it is paused with something unread it does not say so otherwise.
        func stopProducing() { relay?.otherSideBroke(self) }

        /// Receives nothing more in this pass.
        fileprivate func takeBreath() {
            transport.pauseProducing()
            reactor.callLater(.zero) { [self] in if !isHeldBack { transport.resumeProducing() } }
        }

        /// One that builds this once: the protocol will hold the factory.
        func factory() -> Factory {
            var next: Side? = self
            return Factory { next.take() }
        }
    }

    private func other(than side: Side) -> Side { side === inner ? outer : inner }

    // MARK: - What the sides are told

    private func made(_ side: Side) throws {
        guard side === outer else {
            // There is nowhere to pass it on to.
            inner.transport.pauseProducing()
            try? inner.transport.set(.receiveBufferSize(Self.mouthful))
            defer { socket.close() }
            return try reactor.adoptStreamConnection(socket.descriptor, outer.factory())
        }
        try outer.transport.set(.sendBufferSize(Self.mouthful))
        try outer.transport.registerProducer(inner, streaming: true)
        // What the subject does not take is to wait at the peer, and not in another buffer of ours.
        inner.transport.waterMarks = WaterMarks(low: 0, high: 8192)
        try inner.transport.registerProducer(outer, streaming: true)
        inner.transport.resumeProducing()
        if let reason = inner.lossReason {
            lost(inner, reason)
        } else if inner.hasEndedReading {
            endedReading(inner)
        }
    }

    private func received(_ data: RawSpan, by side: Side) {
        // To write to nobody breaks a transport, and what is unread of the subject's last words would be lost.
        if side === outer, isSubjectGone { return }
        other(than: side).transport.write(data)
        // A subject that pauses when this has come has not asked for what is behind it.
        if side === outer, data.byteCount >= Self.mouthful { outer.takeBreath() }
    }

    private func endedReading(_ side: Side) {
        let other = other(than: side)
        other.transport.unregisterProducer()
        if side === inner, isSubjectGone { return subjectLeft() }
        other.transport.loseWriteConnection()
    }

    private func endedWriting(_ side: Side) {
        if side === inner, hasPeerLeft { inner.transport.abortConnection() }
    }

    private func lost(_ side: Side, _ reason: any Error) {
        let other = other(than: side)
        guard other.lossReason == nil else { return end() }
        other.transport.unregisterProducer()
        let isClean = reason is ConnectionDone
        if !isClean, passesResets {
            other.transport.abortConnection()
        } else if side === inner {
            outer.transport.loseConnection()
        } else if !isClean || hasSubjectLeft {
            peerLeft()
        }
    }

    private func otherSideBroke(_ side: Side) {
        let broken = other(than: side)
        guard passesResets, broken.lossReason == nil else { return }
        reactor.callLater(.zero) {
            if broken.lossReason == nil, broken.transport.isPaused { broken.transport.abortConnection() }
        }
    }

    private func end() {
        (inner.relay, outer.relay, subject) = (nil, nil, nil)
        if !over.hasFired { try? over.callback(()) }
    }

    // MARK: - Leaving

    /// Looks now and then whether the subject has left, as long as that may go unnoticed.
    private func lookForSubject() {
        guard subject != nil, !isLooking else { return }
        isLooking = true
        reactor.callLater(.milliseconds(5)) { [self] in
            isLooking = false
            guard inner.transport.isPaused || reactor.isStopping else { return }
            isSubjectGone ? subjectLeft() : lookForSubject()
        }
    }

    /// The subject is gone. What it has sent in good order still reaches a peer that reads.
    private func subjectLeft() {
        hasSubjectLeft = true
        outer.transport.unregisterProducer()
        if hasPeerLeft { return inner.transport.abortConnection() }
        subject?.whenDrained().addBoth { [self] result in
            if case .failure(let reason) = result, reason is ConnectionAborted {
                inner.transport.abortConnection()
                outer.transport.abortConnection()
            } else {
                inner.transport.resumeProducing()
                if inner.hasEndedReading { outer.transport.loseConnection() }
            }
        }
    }

    /// The peer is gone. The subject gets what that has sent, and then finds nobody to send to.
    private func peerLeft() {
        hasPeerLeft = true
        inner.transport.pauseProducing()
        if inner.hasEndedWriting || hasSubjectLeft {
            inner.transport.abortConnection()
        } else {
            inner.transport.loseWriteConnection()
        }
    }
}
