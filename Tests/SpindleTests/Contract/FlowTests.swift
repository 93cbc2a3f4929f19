import Glibc
import Spindle
import Testing

/// Group P of the contract, as far as it goes, and switching protocols.
@Suite(.ownThreads) struct FlowTests {
    @Test(
        "P1: a second producer is an error; one on a dead transport is stopped at once",
        arguments: StreamKind.allCases)
    func oneProducer(kind: StreamKind) throws {
        let subject = Recorder()
        let first = CountingProducer(pieces: 1, size: 1)
        let late = CountingProducer(pieces: 1, size: 1)
        subject.onData = { me, _ in
            try me.transport.registerProducer(first, streaming: true)
            #expect(throws: ProducerAlreadyRegistered.self) {
                try me.transport.registerProducer(late, streaming: true)
            }
            me.transport.unregisterProducer()
            try me.transport.registerProducer(first, streaming: true)
        }
        subject.onLost = { me in
            #expect(throws: Never.self) { try me.transport.registerProducer(late, streaming: true) }
        }
        subject.onMade = { me in me.transport.write("!") }
        try kind.run(subject) { peer in
            // Connected for sure: a reset before that makes a failed attempt of it.
            _ = try peer.receive(1)
            try peer.send("x")
            peer.reset()
        }
        #expect(first.stops == 1)
        #expect(late.stops == 1)
    }

    @Test("P2: a push producer is paused and resumed in turn, and every byte arrives", arguments: StreamKind.allCases)
    func pushProducer(kind: StreamKind) throws {
        let subject = Recorder()
        let producer = CountingProducer(pieces: 1500, size: 20_000)
        let isPaused = Handoff()
        let isPausedAgain = Handoff()
        var signals: [String] = []
        producer.onPause = {
            (signals.isEmpty ? isPaused : isPausedAgain).finish(true)
            signals.append("pause")
        }
        producer.onResume = { signals.append("resume") }
        subject.onMade = { me in
            producer.transport = me.transport
            try me.transport.registerProducer(producer, streaming: true)
            producer.produce()
        }
        let outcome = try kind.run(subject) { peer in
            #expect(isPaused.wait())
            // More than all that may be on the way, so that it has been resumed; and so much is left that it is paused again.
            _ = try peer.receive(750 * 20_000)
            #expect(isPausedAgain.wait())
            _ = try peer.receive(750 * 20_000)
        }
        #expect(outcome.peerError == nil)
        #expect(!zip(signals, signals.dropFirst()).contains { $0 == $1 })
    }

    @Test("P3: stopProducing comes once when the connection is lost", arguments: StreamKind.allCases)
    func stopped(kind: StreamKind) throws {
        let subject = Recorder()
        let producer = CountingProducer(pieces: 1_000_000, size: 10_000)
        subject.onMade = { me in
            producer.transport = me.transport
            try me.transport.registerProducer(producer, streaming: true)
            producer.produce()
        }
        try kind.run(subject) { peer in
            _ = try peer.receive(1000)
            peer.reset()
        }
        #expect(producer.stops == 1)
        #expect(subject.reason is ConnectionLost)
    }

    @Test("P3, W6: the peer's end stops an idle producer and closes the connection", arguments: StreamKind.allCases)
    func idleProducer(kind: StreamKind) throws {
        let subject = Recorder()
        let producer = CountingProducer(pieces: 1, size: 1)
        subject.onMade = { me in try me.transport.registerProducer(producer, streaming: true) }
        try kind.run(subject) { peer in try peer.send("and that was all") }
        #expect(subject.receivedText == "and that was all")
        #expect(subject.reason is ConnectionDone)
        #expect(producer.stops == 1)
    }

    @Test("P4: pausing in connectionMade holds back the first byte until resumed", arguments: StreamKind.allCases)
    func pausedFromTheStart(kind: StreamKind) throws {
        let subject = Recorder()
        var mayReceive = false
        subject.onMade = { me in
            me.transport.pauseProducing()
            #expect(me.transport.isPaused)
            // Data is on its way from the moment the peer has seen this.
            me.transport.write("x")
            me.reactor.callLater(.milliseconds(30)) {
                mayReceive = true
                me.transport.resumeProducing()
            }
        }
        subject.onData = { me, data in
            #expect(mayReceive)
            me.transport.write(data)
        }
        let outcome = try kind.run(subject) { peer in
            _ = try peer.receive(1)
            try peer.send("hello")
            #expect(try peer.receiveText(5) == "hello")
        }
        #expect(outcome.peerError == nil)
    }

    @Test("P4: pausing in dataReceived takes effect at once, and nothing is lost", arguments: StreamKind.allCases)
    func pausedOnEachByte(kind: StreamKind) throws {
        let subject = Recorder()
        var isPaused = false
        subject.onData = { me, data in
            #expect(!isPaused)
            me.transport.pauseProducing()
            isPaused = true
            me.transport.write(data)
            me.reactor.callLater(.zero) {
                isPaused = false
                me.transport.resumeProducing()
            }
        }
        let sent = (0..<1000).map { UInt8($0 % 251) }
        let outcome = try kind.run(subject, adjust: { $0.receiveBufferSize = 7 }) { peer in
            try peer.send(sent)
            #expect(try peer.receive(sent.count) == sent)
        }
        #expect(outcome.peerError == nil)
    }

    @Test("P4: pausing and resuming in turn, in one callback, loses nothing", arguments: StreamKind.allCases)
    func toggled(kind: StreamKind) throws {
        let subject = Recorder()
        func toggle(_ count: Int) {
            for _ in 0..<count {
                subject.transport.pauseProducing()
                subject.transport.pauseProducing()
                subject.transport.resumeProducing()
                subject.transport.resumeProducing()
            }
        }
        subject.onMade = { me in
            toggle(3)
            me.reactor.callLater(.zero) { toggle(3) }
            me.transport.write("!")
        }
        subject.onData = { me, data in
            toggle(2)
            me.transport.write(data)
        }
        let sent = (0..<16_384).map { UInt8(truncatingIfNeeded: $0 >> 6) }
        let outcome = try kind.run(subject, adjust: { $0.receiveBufferSize = 1000 }) { peer in
            _ = try peer.receive(1)
            try peer.send(sent)
            #expect(try peer.receive(sent.count) == sent)
        }
        #expect(outcome.peerError == nil)
    }

    @Test(
        "S5, W3: a paused connection with unread bytes closes in order; resuming delivers nothing then",
        arguments: StreamKind.allCases)
    func closedWhilePaused(kind: StreamKind) throws {
        let subject = Recorder()
        let hasSentMore = Lock(false)
        subject.onData = { me, _ in
            me.transport.pauseProducing()
            me.transport.write("!")
            me.reactor.spawn {
                try await me.reactor.until { hasSentMore.withLock { $0 } }
                me.transport.write(ClosingTests.large)
                me.transport.loseConnection()
                me.transport.resumeProducing()
                try await me.reactor.sleep(.zero).value()
                me.transport.resumeProducing()
            }
        }
        let outcome = try kind.run(subject, receiveBuffer: 4096) { peer in
            try peer.send("x")
            _ = try peer.receive(1)
            try peer.send("never delivered")
            hasSentMore.withLock { $0 = true }
            let count = try peer.receiveToEnd().count
            #expect(count == ClosingTests.large.count)
        }
        #expect(outcome.peerError == nil)
        #expect(subject.receivedText == "x")
        #expect(subject.reason is ConnectionDone)
    }

    @Test(
        "W4, P1: unregistering in connectionLost, after closing in vain for a producer's sake, does nothing",
        arguments: StreamKind.withSocket, [true, false])
    func unregisteredLate(kind: StreamKind, streaming: Bool) throws {
        let subject = Recorder()
        // Never writes, and never finishes.
        let idle = CountingProducer(pieces: 0, size: 1)
        subject.onMade = { me in
            try me.transport.registerProducer(idle, streaming: streaming)
            me.transport.write("!")
            me.transport.loseConnection()
        }
        subject.onLost = { me in
            #expect(idle.stops == 1)
            me.transport.unregisterProducer()
        }
        try kind.run(subject) { peer in
            // Left unread, which makes a reset of closing a UNIX socket, too.
            try peer.peek(1)
            peer.reset()
        }
        #expect(subject.reason is ConnectionLost)
    }

    @Test(
        "W4, S7: while closing waits for a producer, and the peer has finished, a reset is noticed",
        arguments: StreamKind.withSocket)
    func resetWhileAProducerIsWaitedFor(kind: StreamKind) throws {
        let subject = Recorder()
        let idle = CountingProducer(pieces: 0, size: 1)
        let mayReset = Handoff()
        subject.onMade = { me in
            try me.transport.registerProducer(idle, streaming: true)
            me.transport.write("!")
            me.transport.loseConnection()
            func allowWhenFinished() {
                guard Peer.hasOtherSideFinished(me.transport.fileDescriptor ?? -1) else {
                    me.reactor.callLater(.milliseconds(1)) { allowWhenFinished() }
                    return
                }
                // By the pass after the next the connection has learnt of it.
                me.reactor.inNextPass { [reactor = me.reactor] in reactor.inNextPass { mayReset.finish(true) } }
            }
            allowWhenFinished()
        }
        try kind.run(subject) { peer in
            try peer.peek(1)
            peer.finishSending()
            // After the end, and not with it.
            #expect(mayReset.wait())
            peer.reset()
        }
        #expect(idle.stops == 1)
        #expect(subject.reason is ConnectionLost)
    }

    @Test(
        "switchProtocol: later bytes and what was left over go to the new protocol, the loss too",
        arguments: StreamKind.allCases)
    func switching(kind: StreamKind) throws {
        let subject = Recorder()
        let successor = Recorder()
        subject.onData = { me, data in
            guard data.starts(with: "upgrade ") else { return }
            successor.whenLost = me.whenLost
            me.transport.switchProtocol(to: successor, handingOver: data.extracting(droppingFirst: 8))
            #expect(successor.events.isEmpty)
            #expect(me.isReplaced)
            me.unused = Array("kept ".utf8)
            me.transport.write("switched ")
        }
        successor.onMade = { me in me.transport.write("made ") }
        successor.onData = { me, data in me.transport.write(data) }
        let outcome = try kind.run(subject) { peer in
            try peer.send("upgrade first ")
            #expect(try peer.receiveText(25) == "switched made first kept ")
            try peer.send("second")
            #expect(try peer.receiveText(6) == "second")
        }
        #expect(outcome.peerError == nil)
        #expect(subject.losses == 0)
        #expect(successor.events.first == .made)
        #expect(successor.receivedText == "first kept second")
        #expect(successor.losses == 1)
        #expect(successor.factory === subject.factory)
        #expect(successor.transport === subject.transport)
    }

    @Test(
        "switchProtocol: what the new protocol's connectionMade throws closes the connection",
        arguments: StreamKind.allCases)
    func switchingThrows(kind: StreamKind) throws {
        struct Refusal: Error {}
        let subject = Recorder()
        let successor = Recorder()
        subject.onData = { me, data in
            successor.whenLost = me.whenLost
            me.transport.switchProtocol(to: successor, handingOver: data)
        }
        successor.onMade = { _ in throw Refusal() }
        try kind.run(subject) { peer in
            try peer.send("x")
            _ = peer.waitForEnd()
        }
        #expect(successor.events == [.made, .lost])
        #expect(successor.reason is Refusal)
    }

    @Test("W3, W4: what a producer writes last, when it is resumed, arrives", arguments: StreamKind.allCases)
    func lastWordsOfAProducer(kind: StreamKind) throws {
        let subject = Recorder()
        let producer = CountingProducer(pieces: 0, size: 1)
        let received = Lock(0)
        var written = 7
        producer.onResume = {
            subject.transport.write("THE END")
            subject.transport.unregisterProducer()
        }
        subject.onMade = { me in
            try me.transport.registerProducer(producer, streaming: true)
            let piece = [UInt8](repeating: 65, count: 1_000_000)
            // How much the kernel takes before anything waits is the kernel's business.
            while producer.pauses == 0 {
                me.transport.write(piece)
                written += piece.count
            }
            me.transport.loseConnection()
        }
        let outcome = try kind.run(subject, receiveBuffer: 4096) { peer in
            let bytes = try peer.receiveToEnd()
            #expect(bytes.suffix(7) == Array("THE END".utf8))
            received.withLock { $0 = bytes.count }
        }
        #expect(outcome.peerError == nil)
        #expect(received.withLock { $0 } == written)
        #expect(subject.reason is ConnectionDone)
    }

    @Test("switchProtocol: a new protocol that pauses at once gets everything later", arguments: StreamKind.allCases)
    func switchingToPaused(kind: StreamKind) throws {
        let subject = Recorder()
        let successor = Recorder()
        subject.onData = { me, data in
            successor.whenLost = me.whenLost
            me.transport.switchProtocol(to: successor, handingOver: data)
        }
        successor.onMade = { me in
            me.transport.pauseProducing()
            me.transport.write("paused")
            me.reactor.callLater(.milliseconds(10)) { me.transport.resumeProducing() }
        }
        let outcome = try kind.run(subject) { peer in
            try peer.send("handed over")
            _ = try peer.receive(6)
            try peer.send(" and later")
        }
        #expect(outcome.peerError == nil)
        #expect(successor.receivedText == "handed over and later")
    }

    @Test("switchProtocol, then closing: the new protocol hears of both, in order", arguments: StreamKind.allCases)
    func switchingAndClosing(kind: StreamKind) throws {
        for closing in [Transport.loseConnection, Transport.abortConnection] {
            let subject = Recorder()
            let successor = Recorder()
            subject.onData = { me, _ in
                successor.whenLost = me.whenLost
                me.transport.switchProtocol(to: successor)
                me.transport.switchProtocol(to: successor)
                closing(me.transport)()
            }
            try kind.run(subject) { peer in
                try peer.send("x")
                _ = peer.waitForEnd()
            }
            #expect(successor.events == [.made, .lost])
        }
    }

    @Test("P2: a producer that aborts when it is paused harms no other connection", arguments: StreamKind.allCases)
    func abortingProducer(kind: StreamKind) throws {
        let subject = Recorder()
        let other = Recorder()
        let producer = CountingProducer(pieces: 0, size: 1)
        producer.onPause = {
            subject.transport.abortConnection()
            other.transport.write("hello")
            other.transport.loseConnection()
        }
        var otherPeer: ScriptThread?
        let heard = Handoff()
        var listening: ListeningPort?
        subject.onMade = { me in
            var next: Recorder? = other
            listening = try me.reactor.listenTCP(0, Factory { next.take() }, interface: "127.0.0.1")
            let address = try #require(listening?.address)
            otherPeer = ScriptThread {
                let peer = try? Peer.connect(to: address)
                heard.finish((try? peer?.receiveText(5)) == "hello")
            }
        }
        other.onMade = { _ in
            try subject.transport.registerProducer(producer, streaming: true)
            subject.transport.write("small")
            subject.transport.write([UInt8](repeating: 66, count: 20_000_000))
        }
        try kind.run(subject, receiveBuffer: 4096) { peer in
            #expect(heard.wait())
            _ = peer.waitForEnd()
        }
        otherPeer?.join()
        withExtendedLifetime(listening) {}
        #expect(subject.reason is ConnectionAborted)
    }

    @Test(
        "W4: a transport that is a producer and whose connection or input has ended is not waited for",
        arguments: StreamKind.allCases, [true, false])
    func proxied(kind: StreamKind, knowsHalves: Bool) throws {
        let front = Recorder()
        // What the front produces for, and is fed by; nobody unregisters anything.
        let halves = HalfCloseRecorder()
        halves.onReadLost = { _ in front.transport.loseConnection() }
        let back = knowsHalves ? halves : Recorder()
        back.onLost = { _ in front.transport.loseConnection() }
        back.onData = { _, data in front.transport.write(data) }
        front.onLost = { _ in back.transport.loseConnection() }
        let (ours, other) = try Peer.pair()
        front.onMade = { me in
            me.transport.pauseProducing()
            var next: Recorder? = back
            back.onMade = { me in
                try front.transport.registerProducer(me.transport, streaming: true)
                try me.transport.registerProducer(front.transport, streaming: true)
                front.transport.resumeProducing()
            }
            try me.reactor.adoptStreamConnection(ours.descriptor, Factory { next.take() })
            ours.close()
        }
        let outcome = try kind.run(front) { peer in
            try other.send("hello")
            other.finishSending()
            let all = try peer.receiveToEnd()
            #expect(String(decoding: all, as: UTF8.self) == "hello")
            #expect(other.waitForEnd() == 0)
        }
        #expect(outcome.peerError == nil)
        #expect(front.reason is ConnectionDone)
        #expect(back.losses == 1)
        halves.onReadLost = { _ in }
    }
}
