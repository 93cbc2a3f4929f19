import Glibc
import Spindle
import Testing

/// S7, and Twisted's defect D5: what a connection that nobody reads learns of its peer.
@Suite(.ownThreads) struct PauseTests {
    /// What the protocol knew, and how often the loop had gone round, a second after the peer's act.
    struct Findings {
        /// Without those that the timer of this test needs itself.
        var passes = -1
        var received = -1
        var losses = -1
    }

    /// Pauses a connection, has the peer do something, and looks a second later. Then resumes.
    private func whilePaused(
        _ kind: StreamKind, _ subject: Recorder, look more: @escaping () -> Void = {},
        act: @escaping @Sendable (Peer) throws -> Void
    ) throws -> Findings {
        var findings = Findings()
        let hasActed = Lock(false)
        let isOver = Handoff()
        var isPaused = false

        func look(_ reactor: Reactor, since start: Int, ownPasses: Int) {
            reactor.callLater(.seconds(1)) {
                guard hasActed.withLock({ $0 }) else { return look(reactor, since: start, ownPasses: ownPasses + 1) }
                findings.passes = reactor.passes - start - ownPasses
                findings.received = subject.received.count - 5
                findings.losses = subject.losses
                more()
                subject.transport.resumeProducing()
                isOver.finish(true)
            }
        }
        subject.onData = { me, _ in
            guard !isPaused else { return }
            isPaused = true
            me.transport.pauseProducing()
            me.transport.write("ready")
            look(me.reactor, since: me.reactor.passes, ownPasses: 1)
        }
        let outcome = try kind.run(subject) { peer in
            try peer.send("pause")
            _ = try peer.receive(5)
            try act(peer)
            hasActed.withLock { $0 = true }
            #expect(isOver.wait())
        }
        #expect(outcome.peerError == nil)
        return findings
    }

    @Test("S7 (a): a paused connection learns of a reset at once (Twisted: D5)", arguments: StreamKind.allCases)
    func reset(kind: StreamKind) throws {
        let subject = Recorder()
        let findings = try whilePaused(kind, subject) { peer in peer.reset() }
        #expect(findings.losses == 1)
        #expect(findings.passes <= kind.passesForNews)
        if kind.knowsResets {
            #expect((subject.reason as? ConnectionLost)?.errno == ECONNRESET)
        } else {
            #expect(subject.reason is ConnectionDone)
        }
    }

    @Test(
        "S7: a paused connection learns of its peer's end at once if nothing is unread (Twisted: D5)",
        arguments: StreamKind.allCases)
    func end(kind: StreamKind) throws {
        let subject = Recorder()
        let findings = try whilePaused(kind, subject) { peer in peer.finishSending() }
        #expect(findings.losses == 1)
        #expect(findings.passes <= kind.passesForNews)
        #expect(subject.reason is ConnectionDone)
    }

    @Test("S7 (b): an end behind unread bytes comes after them, on resume", arguments: StreamKind.allCases)
    func endBehindBytes(kind: StreamKind) throws {
        let subject = Recorder()
        let findings = try whilePaused(kind, subject) { peer in
            try peer.send("unread")
            peer.finishSending()
        }
        #expect((findings.received, findings.losses) == (0, 0))
        #expect(findings.passes <= kind.passesForNews)
        #expect(subject.receivedText == "pauseunread")
        #expect(subject.reason is ConnectionDone)
    }

    @Test(
        "S7 (c): a reset behind unread bytes and an end comes after the bytes, on resume",
        arguments: StreamKind.allCases)
    func resetAfterEnd(kind: StreamKind) throws {
        let subject = Recorder()
        let findings = try whilePaused(kind, subject) { peer in
            try peer.send("unread")
            peer.finishSending()
            peer.reset()
        }
        // On a C program's base the reactor's turn comes in a pass of its own after that in which something happens.
        #expect(findings.passes <= (kind == .adoptedBase ? 6 : kind.passesForNews))
        #expect((findings.received, findings.losses) == (0, 0))
        // To a UNIX socket this is the end that it has had already.
        #expect(kind.knowsResets ? subject.reason is ConnectionLost : subject.reason is ConnectionDone)
        #expect(subject.receivedText == "pauseunread")
    }

    @Test(
        "S7 (d): a reset behind unread bytes stops producers at once, and loses none of the bytes",
        arguments: StreamKind.allCases)
    func resetBehindBytes(kind: StreamKind) throws {
        let subject = Recorder()
        let producer = CountingProducer(pieces: 0, size: 1)
        subject.onMade = { me in try me.transport.registerProducer(producer, streaming: true) }
        var stopsWhilePaused = 0
        let hasStopped = { stopsWhilePaused = max(stopsWhilePaused, subject.received.count == 5 ? producer.stops : 0) }
        let findings = try whilePaused(kind, subject, look: hasStopped) { peer in
            try peer.send([UInt8](repeating: 120, count: 30_000))
            peer.reset()
        }
        #expect((findings.received, findings.losses) == (0, 0))
        #expect(subject.received.count == 5 + 30_000 && subject.losses == 1)
        guard kind.knowsResets else { return }
        #expect(stopsWhilePaused == 1)
        #expect((subject.reason as? ConnectionLost)?.errno == ECONNRESET)
    }

    @Test(
        "S7: a peer that leaves without having read our greeting loses none of what it sent",
        arguments: StreamKind.allCases)
    func leavesUnread(kind: StreamKind) throws {
        let subject = Recorder()
        let hasLeft = Handoff()
        subject.onMade = { me in
            me.transport.pauseProducing()
            me.transport.write("a greeting")
            me.reactor.poll {
                guard hasLeft.isFinished else { return false }
                me.transport.resumeProducing()
                return nil
            }
        }
        try kind.run(subject) { peer in
            try peer.send([UInt8](repeating: 120, count: 30_000))
            try peer.peek(1)
            peer.close()
            hasLeft.finish(true)
        }
        #expect(subject.received.count == 30_000)
    }

    @Test(
        "S5, S7: closing, aborting or throwing with what a lost connection has left: nothing more is delivered",
        arguments: StreamKind.allCases.filter(\.knowsResets), ["close", "abort", "throw", "pause"])
    func leftovers(kind: StreamKind, act: String) throws {
        struct Enough: Error {}
        let subject = Recorder()
        let hasReset = Handoff()
        subject.onData = { me, _ in
            guard me.received.count > 5 else {
                me.transport.pauseProducing()
                me.transport.write("ready")
                return me.reactor.poll {
                    guard hasReset.isFinished else { return false }
                    me.reactor.callLater(.milliseconds(20)) { me.transport.resumeProducing() }
                    return nil
                }
            }
            switch act {
            case "close": me.transport.loseConnection()
            case "abort": me.transport.abortConnection()
            case "throw": throw Enough()
            default:
                me.transport.pauseProducing()
                me.reactor.callLater(.milliseconds(1)) { me.transport.resumeProducing() }
            }
        }
        try kind.run(subject) { peer in
            try peer.send("pause")
            _ = try peer.receive(5)
            try peer.send([UInt8](repeating: 120, count: 20_000))
            peer.reset()
            hasReset.finish(true)
        }
        #expect(subject.losses == 1 && !subject.wasReentered)
        #expect(act != "pause" || subject.received.count == 20_005)
        #expect(act != "throw" || subject.reason is Enough)
        #expect(act != "abort" || subject.reason is ConnectionAborted)
    }

    @Test(
        "S7: one that was paused in connectionMade, and never read, learns of a reset", arguments: StreamKind.allCases)
    func resetBeforeReading(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onMade = { me in
            me.transport.pauseProducing()
            me.transport.write("!")
        }
        try kind.run(subject) { peer in
            _ = try peer.receive(1)
            peer.reset()
        }
        #expect(subject.events == [.made, .lost])
        #expect(kind.knowsResets ? subject.reason is ConnectionLost : subject.reason is ConnectionDone)
    }

    @Test("P4: bytes that arrive while paused wake the loop once, not over and over", arguments: StreamKind.allCases)
    func bytesWhilePaused(kind: StreamKind) throws {
        let subject = Recorder()
        let findings = try whilePaused(kind, subject) { peer in
            for _ in 0..<100 { try peer.send("more") }
        }
        #expect(findings.received == 0)
        // A relay has passes of its own.
        if !kind.isAccompanied { #expect(findings.passes <= 3) }
        #expect(subject.received.count == 5 + 400)
    }

    @Test(
        "R4: a paused connection gets its connectionLost when the reactor stops (Twisted: D5)",
        arguments: StreamKind.allCases)
    func stopping(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onData = { me, _ in
            me.transport.pauseProducing()
            try me.reactor.stop()
        }
        try kind.run(subject) { peer in
            try peer.send("x")
            #expect(peer.waitForEnd() == 0)
        }
        #expect(subject.losses == 1)
        #expect(subject.reason is ConnectionDone)
    }
}
