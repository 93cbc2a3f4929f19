import Glibc
import Spindle
import Testing

/// Rules W3, W4 and W5 of the contract: closing loses nothing, ends some time, and aborting is abrupt.
@Suite(.ownThreads) struct ClosingTests {
    /// More than the kernel takes at once from a peer with a small receive buffer.
    static let large = [UInt8](repeating: 77, count: 8 << 20)

    @Test(
        "W3: loseConnection sends all that was written, and drops what is written later (Twisted: D1)",
        arguments: StreamKind.allCases)
    func flushes(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onMade = { me in
            me.transport.write(Self.large)
            me.transport.loseConnection()
            me.transport.write("too late")
            me.reactor.callLater(.zero) { me.transport.write("far too late") }
        }
        let outcome = try kind.run(subject, receiveBuffer: 4096) { peer in
            let count = try peer.receiveToEnd().count
            #expect(count == Self.large.count)
        }
        #expect(outcome.peerError == nil)
        #expect(subject.reason is ConnectionDone)
    }

    @Test(
        "W3: a peer that pipelines behind its last request and reads slowly gets every byte",
        arguments: StreamKind.allCases)
    func pipelined(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onData = { me, _ in
            me.transport.write(Self.large)
            me.transport.loseConnection()
        }
        let adjust: (inout Reactor.Options) -> Void = {
            $0.receiveBufferSize = 16
            // With so small a window the kernel's own probing may pause for longer than the usual limit.
            $0.lingerLimit = .seconds(20)
        }
        let outcome = try kind.run(subject, adjust: adjust, receiveBuffer: 4096) { peer in
            try peer.send(Array(repeating: 80, count: 50_000))
            let count = try peer.receiveToEnd().count
            #expect(count == Self.large.count)
        }
        #expect(outcome.peerError == nil)
        #expect(subject.events.count == 3)
        #expect(subject.reason is ConnectionDone)
    }

    @Test(
        "W3: a peer that says something late gets every byte that it had no room for until then",
        arguments: StreamKind.allCases)
    func lateWords(kind: StreamKind) throws {
        let subject = Recorder()
        let mayTalk = Handoff()
        let reply = [UInt8](repeating: 82, count: 200_000)
        subject.onMade = { me in
            me.transport.write(reply)
            me.transport.loseConnection()
            // Long after all of it is with the kernel.
            me.reactor.callLater(.milliseconds(50)) { mayTalk.finish(true) }
        }
        let outcome = try kind.run(subject, receiveBuffer: 4096) { peer in
            #expect(mayTalk.wait())
            // To a UNIX socket, which may have been closed, nothing can be said any more.
            if kind.knowsResets { try peer.send("late") }
            let received = try peer.receiveToEnd()
            #expect(received == reply)
        }
        #expect(outcome.peerError == nil)
        #expect(subject.reason is ConnectionDone)
    }

    @Test(
        "W3: the time a closing connection lingers for a peer that goes on sending is limited",
        arguments: StreamKind.allCases)
    func lingerLimit(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onData = { me, _ in
            me.transport.write("enough")
            me.transport.loseConnection()
        }
        let adjust: (inout Reactor.Options) -> Void = {
            $0.receiveBufferSize = 16
            $0.lingerLimit = .milliseconds(50)
        }
        try kind.run(subject, adjust: adjust) { peer in
            // Never finishes, never goes: it is up to the other side to end this.
            try peer.send(Array(repeating: 80, count: 1000))
            #expect(String(decoding: try peer.receive(6), as: UTF8.self) == "enough")
            while (try? peer.send("more")) != nil {}
        }
        #expect(subject.reason is ConnectionDone)
    }

    @Test("W4: loseConnection waits for a registered push producer (Twisted: D2)", arguments: StreamKind.allCases)
    func waitsForPushProducer(kind: StreamKind) throws {
        try waits(kind, streaming: true)
    }

    @Test("W4: loseConnection waits for a registered pull producer", arguments: StreamKind.allCases)
    func waitsForPullProducer(kind: StreamKind) throws {
        try waits(kind, streaming: false)
    }

    private func waits(_ kind: StreamKind, streaming: Bool) throws {
        let subject = Recorder()
        let producer = CountingProducer(pieces: 400, size: 80_000)
        subject.onMade = { me in
            producer.transport = me.transport
            try me.transport.registerProducer(producer, streaming: streaming)
            me.transport.loseConnection()
            if streaming { me.reactor.callLater(.milliseconds(1), producer.produce) }
        }
        let isPaused = Handoff()
        producer.onPause = { isPaused.finish(true) }
        let outcome = try kind.run(subject, receiveBuffer: 4096) { peer in
            // Not reading before is what fills the kernel's buffers, however large they are.
            if streaming { #expect(isPaused.wait()) }
            let count = try peer.receiveToEnd().count
            #expect(count == 400 * 80_000)
        }
        #expect(outcome.peerError == nil)
        #expect(subject.reason is ConnectionDone)
        #expect(producer.stops == 0)
        if streaming {
            // The last piece may have paused it, with nothing left to be resumed for.
            #expect(producer.pauses > 0 && (0...1).contains(producer.pauses - producer.resumes))
        } else {
            #expect(producer.resumes == 400)
        }
    }

    @Test("W4: loseConnection(timeout:) aborts when the time is over", arguments: StreamKind.allCases)
    func timeout(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onMade = { me in
            me.transport.write(Self.large)
            me.transport.loseConnection(timeout: .milliseconds(30))
        }
        subject.onLost = { _ in }
        try kind.run(subject, receiveBuffer: 4096) { peer in
            #expect(peer.waitUnread() == (kind.knowsResets ? ECONNRESET : 0))
        }
        #expect(subject.reason is ConnectionAborted)
    }

    @Test(
        "W4: a closing connection whose peer reads nothing is aborted after the library's limit",
        arguments: StreamKind.allCases)
    func closeLimit(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onMade = { me in
            me.transport.write(Self.large)
            me.transport.loseConnection()
        }
        try kind.run(subject, adjust: { $0.closeLimit = .milliseconds(50) }, receiveBuffer: 4096) { peer in
            #expect(peer.waitUnread() == (kind.knowsResets ? ECONNRESET : 0))
        }
        #expect(subject.reason is ConnectionAborted)
    }

    @Test("W4: a slow peer is not cut off as long as it takes something", arguments: StreamKind.allCases)
    func slowPeer(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onMade = { me in
            me.transport.write(Self.large)
            me.transport.loseConnection()
        }
        let outcome = try kind.run(subject, adjust: { $0.closeLimit = .milliseconds(300) }, receiveBuffer: 4096) {
            peer in
            let count = try peer.receiveToEnd().count
            #expect(count == Self.large.count)
        }
        #expect(outcome.peerError == nil)
        #expect(subject.reason is ConnectionDone)
    }

    @Test(
        "W4: when the peer has finished, a producer that writes nothing is waited for no longer than the library's limit",
        arguments: StreamKind.allCases, [true, false])
    func idleProducer(kind: StreamKind, closesFirst: Bool) throws {
        // That the peer has finished is not known then.
        guard kind.readsWhileClosing || !closesFirst else { return }
        let subject = HalfCloseRecorder()
        let producer = CountingProducer(pieces: 1, size: 1)
        subject.onMade = { me in
            try me.transport.registerProducer(producer, streaming: true)
            me.transport.write("x")
            if closesFirst { me.transport.loseConnection() }
        }
        subject.onReadLost = { me in me.transport.loseConnection() }
        let outcome = try kind.run(subject, adjust: { $0.closeLimit = .milliseconds(50) }) { peer in
            _ = try peer.receive(1)
            peer.finishSending()
            #expect(peer.waitUnread() == (kind.knowsResets ? ECONNRESET : 0))
        }
        #expect(outcome.peerError == nil)
        #expect(subject.reason is ConnectionAborted)
        #expect(producer.stops == 1)
    }

    @Test(
        "W4: a producer that writes now and then goes on, though the peer has finished", arguments: StreamKind.allCases)
    func slowProducer(kind: StreamKind) throws {
        let subject = HalfCloseRecorder()
        let producer = CountingProducer(pieces: 0, size: 1)
        subject.onMade = { me in try me.transport.registerProducer(producer, streaming: true) }
        subject.onReadLost = { me in
            me.transport.loseConnection()
            let end = ContinuousClock.now + .seconds(1)
            func produceOn() {
                guard ContinuousClock.now < end else { return me.transport.unregisterProducer() }
                me.transport.write("x")
                me.reactor.callLater(.milliseconds(20)) { produceOn() }
            }
            produceOn()
        }
        let outcome = try kind.run(subject, adjust: { $0.closeLimit = .milliseconds(400) }) { peer in
            peer.finishSending()
            _ = try peer.receiveToEnd()
        }
        #expect(outcome.peerError == nil)
        #expect(subject.reason is ConnectionDone)
    }

    @Test(
        "W5: abortConnection drops what is pending and resets; the loss comes in the next pass",
        arguments: StreamKind.allCases)
    func abort(kind: StreamKind) throws {
        let subject = Recorder()
        var passesUntilLost = -1
        subject.onData = { me, _ in
            me.transport.write(Self.large)
            me.transport.abortConnection()
            me.transport.abortConnection()
            me.transport.write("dropped")
            #expect(!me.transport.isConnected)
            passesUntilLost = 0
            me.reactor.callLater(.zero) { passesUntilLost += 1 }
        }
        subject.onLost = { _ in #expect(passesUntilLost == 0) }
        try kind.run(subject, receiveBuffer: 4096) { peer in
            try peer.send("x")
            #expect(peer.waitForEnd() == (kind.knowsResets ? ECONNRESET : 0))
        }
        #expect(subject.losses == 1)
        #expect(subject.reason is ConnectionAborted)
    }

    @Test(
        "W6: at the peer's end what is pending is flushed, then the connection closes",
        arguments: StreamKind.allCases)
    func flushAtPeersEnd(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onData = { me, _ in me.transport.write(Self.large) }
        let outcome = try kind.run(subject, receiveBuffer: 4096) { peer in
            try peer.send("x")
            peer.finishSending()
            let count = try peer.receiveToEnd().count
            #expect(count == Self.large.count)
        }
        #expect(outcome.peerError == nil)
        #expect(subject.reason is ConnectionDone)
    }

    @Test("W6: loseWriteConnection flushes and half-closes; reading goes on", arguments: StreamKind.allCases)
    func halfClose(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onMade = { me in
            me.transport.write(Self.large)
            me.transport.loseWriteConnection()
            me.transport.write("too late")
        }
        let outcome = try kind.run(subject, receiveBuffer: 4096) { peer in
            let count = try peer.receiveToEnd().count
            #expect(count == Self.large.count)
            try peer.send("still heard")
        }
        #expect(outcome.peerError == nil)
        #expect(subject.receivedText == "still heard")
        #expect(subject.reason is ConnectionDone)
    }

    @Test(
        "W3, W7: closing in connectionMade sends all to a peer that sends as much itself",
        arguments: StreamKind.allCases)
    func duplexAtOnce(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onMade = { me in
            me.transport.write(Self.large)
            me.transport.loseConnection()
        }
        // With so small a window the kernel's own probing may pause for longer than the usual limit.
        let outcome = try kind.run(subject, adjust: { $0.lingerLimit = .seconds(20) }, receiveBuffer: 4096) { peer in
            let sender = ScriptThread { try? peer.send(Self.large) }
            let count = try peer.receiveToEnd().count
            #expect(count == Self.large.count)
            peer.close()
            sender.join()
        }
        #expect(outcome.peerError == nil)
    }

    @Test("S3: a reset that shows while closing is the reason, not a clean end", arguments: StreamKind.withSocket)
    func resetWhileClosing(kind: StreamKind) throws {
        let subject = Recorder()
        let hasReset = Handoff()
        subject.onData = { me, _ in
            #expect(hasReset.wait())
            // The kernel may take a moment to say so: a program that is being started has the peer's descriptor, too.
            var watched = pollfd(fd: me.transport.fileDescriptor ?? -1, events: 0, revents: 0)
            #expect(poll(&watched, 1, 10_000) == 1)
            me.transport.write("reply")
            me.transport.loseConnection()
        }
        subject.onMade = { me in me.transport.write("!") }
        try kind.run(subject) { peer in
            // Connected for sure: a reset before that makes a failed attempt of it.
            _ = try peer.receive(1)
            try peer.send("request")
            peer.reset()
            hasReset.finish(true)
        }
        #expect(subject.reason is ConnectionLost)
    }
}
