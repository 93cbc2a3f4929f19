import Glibc

@_spi(Carriers) @testable import Spindle

extension StreamFuzz {
    /// Whether bytes written now will be sent. The transport is asked: what a user cannot know, such as how far
    /// the closing has come, would have to be modelled exactly.
    private var acceptsWrites: Bool { (current.transport as? StreamTransport)?.acceptsWrites ?? false }

    /// Whether nothing else is sending.
    private var isIdle: Bool { producer == nil && transfer == nil && !isUncertain && acceptsWrites }

    /// Does one thing at random, if it is possible now.
    func act() throws {
        guard isMade else { return }
        let transport = current.transport
        let action = StreamAction.random(&random)
        switch action {
        case .nothing: return
        case .write: write(random.oneIn(4) ? random.below(400_000) : random.below(6000))
        case .sendFile: try sendFile()
        case .register: try register()
        case .registerEnded: try registerEnded()
        case .unregister: unregister()
        case .awaitDrain: awaitDrain()
        case .switchProtocol: switchProtocol()
        case .sendDescriptor: try sendDescriptor()
        case .throwError:
            guard mayThrow else { return }
            log.note("throw")
            throw Thrown()
        case .loseWrite:
            guard !hasFinishedWriting else { return }
            hasFinishedWriting = true
            log.note("loseWriteConnection")
            transport.loseWriteConnection()
        case .cancelFile:
            guard let transfer else { return }
            log.note("cancel the file")
            transfer.cancel()
        case .setMarks:
            let low = random.below(40_000)
            log.note("marks")
            transport.waterMarks = WaterMarks(low: low, high: low + random.below(100_000))
        case .pause, .resume, .lose, .loseWithin, .abort, .look: control(transport, action)
        }
    }

    private func control(_ transport: Transport, _ action: StreamAction) {
        log.note("\(action)")
        switch action {
        case .pause: transport.pauseProducing()
        case .resume: transport.resumeProducing()
        case .lose:
            isClosing = true
            transport.loseConnection()
        case .loseWithin:
            (isClosing, mayAbort) = (true, true)
            transport.loseConnection(timeout: .milliseconds(random.below(200)))
        case .abort:
            (isClosing, mayAbort) = (true, true)
            transport.abortConnection()
        default: _ = (transport.host, transport.peer, transport.isPaused, transport.isConnected)
        }
    }

    func write(_ count: Int) {
        guard transfer == nil, !isUncertain else { return }
        log.note("write \(count)")
        let data = FuzzPattern.bytes(from: written, count)
        if acceptsWrites { written += count }
        current.transport.write(data)
    }

    private func register() throws {
        guard producer == nil, transfer == nil, !isClosing else { return }
        let made = FuzzProducer(self, isStreaming: random.oneIn(2))
        log.note("register a \(made.isStreaming ? "push" : "pull") producer")
        producer = made
        producers.append(made)
        try current.transport.registerProducer(made, streaming: made.isStreaming)
    }

    /// One that has nothing to produce, and must not be waited for.
    private func registerEnded() throws {
        guard producer == nil, transfer == nil else { return }
        log.note("register a transport that has ended")
        let ended = InertTransport(reactor: current.transport.reactor)
        try current.transport.registerProducer(ended, streaming: random.oneIn(2))
    }

    func unregister() {
        guard producer != nil else { return }
        producer = nil
        log.note("unregister")
        current.transport.unregisterProducer()
    }

    private func awaitDrain() {
        log.note("whenDrained")
        waiters += 1
        let drained = current.transport.whenDrained()
        let isAtOnce = drained.hasFired
        drained.addBoth { [self] _ -> Void in
            answers += 1
            if !isAtOnce { quietCallback("drained") }
        }
    }

    private func switchProtocol() {
        guard !isOver else { return }
        let (former, next) = (current, makeProtocol())
        log.note("switchProtocol")
        next.whenLost = former.whenLost
        former.whenLost = {}
        former.onData = { [log] _, _ in log.check(false, "data came for a protocol that was switched away from") }
        former.onLost = { [log] _ in log.check(false, "connectionLost came for a protocol that was switched away from")
        }
        retired.append(former)
        current = next
        former.transport.switchProtocol(to: next)
    }

    private func sendDescriptor() throws {
        guard kind.isUNIX, transfer == nil, !isUncertain, acceptsWrites else { return }
        let count = 1 + random.below(random.oneIn(3) ? 300_000 : 5)
        log.note("sendFileDescriptor with \(count)")
        let data = FuzzPattern.bytes(from: written, count)
        written += count
        do { try current.transport.sendFileDescriptor(descriptor, with: data) } catch {
            // A pair of bufferevents refuses: no socket carries it.
            written -= count
            throw error
        }
    }

    private func sendFile() throws {
        guard isIdle, !isClosing else { return }
        let total = random.oneIn(3) ? 0 : random.below(1_500_000)
        let path = directory.file("file-\(files)")
        files += 1
        store(FuzzPattern.bytes(from: written, total), at: path)
        log.note("send a file of \(total)")
        written += total
        var last = -1
        let sent = try FileSender(path: path).beginFileTransfer(to: current.transport) { [self] count in
            log.check(count >= last && count <= total, "\(count) bytes of a file sent, of \(total), after \(last)")
            last = count
            if transfer != nil { quietCallback("progress") }
        }
        guard !sent.hasFired else {
            isUncertain = true
            sent.addErrback { _ in 0 }
            return
        }
        transfer = sent
        sent.addBoth { [self] result -> Void in
            transfer = nil
            guard case .success = result else { return isUncertain = true }
            if !isOver { quietCallback("sent") }
        }
        if random.oneIn(4) {
            log.note("cut the file")
            truncate(path, random.below(total + 1))
            isUncertain = true
        }
    }

    private func store(_ bytes: [UInt8], at path: String) {
        let file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
        _ = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
        close(file)
    }
}
