import Spindle

/// TLS between a carrier and a protocol.
///
/// OpenSSL reads what came in where it lies and takes all of it; it keeps what is no whole record yet. What it decrypts goes to
/// the protocol, or waits in the transport, so that nothing waits here and the peer's end is found at once, also while
/// reading is paused. What is written in one entry is gathered, encrypted as few records, and leaves together.
final class TLSFilter: StreamFilter {
    /// How a connection comes to speak TLS.
    struct Plan {
        let context: TLSContext
        let isServer: Bool
        let serverName: ServerName?
        let timeout: Duration
    }

    private let plan: Plan
    /// In mid-connection, bytes that were received before are nobody's: an attacker may have put them there.
    private let refusesUnusedBytes: Bool
    /// Fires when the handshake is over, or with what kept it from that.
    private var started: Deferred<Void>?
    /// Not weak, as nothing here is: an object that somebody has weak references to is slower to retain, all its life.
    private var reactor: Reactor?
    private var timer: DelayedCall?

    /// Nil before the connection is there, and when it is over.
    private(set) var engine: TLSEngine?
    private(set) var session: TLSSessionInfo?
    private var isReceiving = false
    /// The peer has said that it has finished.
    private var hasPeerFinished = false
    private var hasReceivedAnything = false
    private var hasDelivered = false
    /// How often the peer was answered that takes no answers.
    private var unreadAnswers = 0
    /// The protocol's bytes of this entry: less than a record.
    var gathered: [UInt8] = []

    /// - Parameter started: of `startTLS`, in mid-connection.
    init(_ plan: Plan, started: Deferred<Void>? = nil, refusesUnusedBytes: Bool = false) {
        self.plan = plan
        self.started = started
        self.refusesUnusedBytes = refusesUnusedBytes
    }

    // MARK: - Beginning and end

    func start(_ stage: FilterStage) throws {
        reactor = stage.reactor
        if started != nil, refusesUnusedBytes || stage.protocolHasUnusedBytes() {
            throw failed(.clearBytesBehindStart)
        }
        let scratch = TLSScratch.of(stage.reactor)
        guard
            let engine = TLSEngine(
                plan.context, scratch, asServer: plan.isServer, plan.serverName, peer: stage.peer)
        else {
            throw failed(.other("no memory"))
        }
        self.engine = engine
        let limit = plan.timeout
        // Cancelled when the handshake or the connection is over, and so no cycle for long.
        timer = stage.reactor.callLater(limit) { [self] in stage.fail(failed(.timedOut(limit))) }
        guard !plan.isServer else { return }
        try receiving(engine, stage) { try shakeHands(engine, stage) }
    }

    func connectionEnded(_ reason: any Error) {
        try? timer.take()?.cancel()
        engine = nil
        // Not now: a callback may be on the stack.
        if let started = started.take() { reactor?.inNextPass { try? started.errback(reason) } }
    }

    /// The error for a handshake that has failed, of which those who wait are told as well.
    private func failed(_ reason: TLSHandshakeError.Reason) -> TLSHandshakeError {
        let error = TLSHandshakeError(reason)
        try? timer.take()?.cancel()
        if let started = started.take() { reactor?.inNextPass { try? started.errback(error) } }
        return error
    }

    // MARK: - Receiving

    func receive(_ data: RawSpan, _ stage: FilterStage) throws {
        guard let engine, !hasPeerFinished else { return }
        if !hasReceivedAnything {
            hasReceivedAnything = true
            if let said = data.clearText { throw failed(.notTLS(said)) }
        }
        try receiving(engine, stage) {
            try engine.withInput(data) {
                if session == nil { try shakeHands(engine, stage) }
                if session != nil { try deliver(engine, stage) }
            }
        }
        // What is answered by itself piles up where nobody reads it.
        unreadAnswers = stage.isBackedUp ? unreadAnswers : 0
    }

    /// What is encrypted in `body` leaves behind it, together.
    private func receiving(_ engine: TLSEngine, _ stage: FilterStage, _ body: () throws -> Void) throws {
        engine.scratch.claim(for: stage)
        isReceiving = true
        defer {
            isReceiving = false
            engine.scratch.release()
        }
        try body()
    }

    private func shakeHands(_ engine: TLSEngine, _ stage: FilterStage) throws {
        switch engine.handshake() {
        case .needsInput: return
        case .done: break
        case .failed(let errors): throw failed(errors.handshakeFailure(engine))
        case .closed, .flooded: throw failed(.endedByPeer)
        }
        session = engine.sessionInfo()
        try? timer.take()?.cancel()
        stage.begin()
        try? started.take()?.callback(())
    }

    private func deliver(_ engine: TLSEngine, _ stage: FilterStage) throws {
        // It may be over in the midst of this.
        while self.engine != nil {
            engine.scratch.claim(for: stage)
            let before = engine.scratch.outputCount
            let (count, outcome) = engine.read()
            if engine.scratch.outputCount > before, stage.isBackedUp { try countAnswer() }
            if count > 0 {
                hasDelivered = true
                engine.scratch.withPlain(count) { stage.deliver($0) }
            }
            switch outcome {
            case .done: break
            case .needsInput: return
            case .closed:
                hasPeerFinished = true
                return stage.inputEnded()
            case .flooded: throw TLSProtocolError(.flood)
            case .failed(let errors):
                let mayBeRefusal = !plan.isServer && !hasDelivered && session?.version == .tls13
                throw errors.sessionFailure(mayBeRefusal: mayBeRefusal)
            }
        }
    }

    private func countAnswer() throws {
        unreadAnswers += 1
        if unreadAnswers > TLSEngine.barrenLimit { throw TLSProtocolError(.flood) }
    }

    func resume(_ stage: FilterStage) {}

    var hasUndelivered: Bool { false }

    func wireEnded() throws {
        guard !hasPeerFinished else { return }
        throw session == nil ? failed(.endedByPeer) : ConnectionLost(isTruncated: true)
    }

    // MARK: - Sending

    func send(_ data: RawSpan, _ stage: FilterStage) throws {
        guard let engine else { return }
        if gathered.isEmpty, data.byteCount < TLSScratch.recordLimit { gathered = engine.scratch.takeSpare() }
        guard gathered.count + data.byteCount >= TLSScratch.recordLimit else { return gathered.append(copying: data) }
        engine.scratch.claim(for: stage)
        defer { if !isReceiving { engine.scratch.release() } }
        var rest = data
        if !gathered.isEmpty {
            let missing = TLSScratch.recordLimit - gathered.count
            gathered.append(copying: rest.extracting(first: missing))
            rest = rest.extracting(droppingFirst: missing)
            try encryptGathered(engine)
        }
        while rest.byteCount >= TLSScratch.recordLimit {
            // No more at a time than goes out in one send.
            let count =
                min(rest.byteCount, 4 * TLSScratch.recordLimit) / TLSScratch.recordLimit * TLSScratch.recordLimit
            if engine.scratch.outputCount + count > 5 * TLSScratch.recordLimit { engine.scratch.transmit() }
            try encrypt(rest.extracting(first: count), engine)
            rest = rest.extracting(droppingFirst: count)
        }
        guard rest.byteCount > 0 else { return }
        gathered = engine.scratch.takeSpare()
        gathered.append(copying: rest)
    }

    func flush(_ stage: FilterStage) throws {
        guard let engine, !gathered.isEmpty else { return }
        engine.scratch.claim(for: stage)
        defer { engine.scratch.release() }
        try encryptGathered(engine)
    }

    func finish(_ stage: FilterStage) throws {
        try flush(stage)
        guard let engine else { return }
        engine.scratch.claim(for: stage)
        engine.close()
        engine.scratch.release()
    }

    private func encryptGathered(_ engine: TLSEngine) throws {
        let bytes = gathered
        gathered = []
        try bytes.withRawSpan { try encrypt($0, engine) }
        engine.scratch.give(bytes)
    }

    private func encrypt(_ data: RawSpan, _ engine: TLSEngine) throws {
        if let errors = engine.write(data) { throw errors.sessionFailure(mayBeRefusal: false) }
    }
}
