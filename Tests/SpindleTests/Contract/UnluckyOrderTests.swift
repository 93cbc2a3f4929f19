import Glibc
import Spindle
import Testing

/// Sequences of events that are rare, each of which has once gone wrong.
@Suite(.ownThreads) struct UnluckyOrderTests {
    @Test("P4: what was held back comes before what arrives while reading is resumed", arguments: StreamKind.allCases)
    func resumedInTime(kind: StreamKind) throws {
        let subject = Recorder()
        let successor = Recorder()
        let (isTime, isSent) = (Handoff(), Handoff())
        subject.onData = { me, data in
            successor.whenLost = me.whenLost
            me.transport.switchProtocol(to: successor, handingOver: data)
        }
        successor.onMade = { me in
            me.transport.pauseProducing()
            me.reactor.callLater(.milliseconds(10)) {
                isTime.finish(true)
                _ = isSent.wait()
                me.transport.resumeProducing()
            }
        }
        let outcome = try kind.run(subject) { peer in
            try peer.send("first ")
            _ = isTime.wait()
            try peer.send("second")
            peer.finishSending()
            isSent.finish(true)
            _ = peer.waitForEnd()
        }
        #expect(outcome.peerError == nil)
        #expect(successor.receivedText == "first second")
    }

    @Test(
        "W3: the rest of a cancelled transfer, of a file cut short, ends the connection and does not spin",
        arguments: StreamKind.allCases)
    func cancelledAndCut(kind: StreamKind) throws {
        try TemporaryDirectory.with { directory in
            let path = directory.file("a"), other = directory.file("b")
            for (p, n) in [(path, 8_000_000), (other, 100_000)] {
                let d = open(p, O_CREAT | O_WRONLY, 0o600)
                let bytes = [UInt8](repeating: 7, count: n)
                _ = bytes.withUnsafeBytes { write(d, $0.baseAddress, $0.count) }
                close(d)
            }
            let subject = Recorder()
            var passes = 0
            let isCut = Handoff()
            subject.onMade = { me in
                let transfer = try FileSender(path: path).beginFileTransfer(to: me.transport)
                transfer.addErrback { _ -> Void in }
                me.reactor.callLater(.milliseconds(20)) {
                    transfer.cancel()
                    truncate(path, 10)
                    let second = try FileSender(path: other).beginFileTransfer(to: me.transport)
                    second.addErrback { _ -> Void in }
                    isCut.finish(true)
                    passes = me.reactor.passes
                    me.transport.loseConnection(timeout: .seconds(3))
                }
            }
            subject.onLost = { me in passes = me.reactor.passes - passes }
            try kind.run(subject, receiveBuffer: 4096) { peer in
                _ = isCut.wait()
                _ = peer.waitForEnd()
            }
            #expect(passes < 2000)
        }
    }

    /// How a peer lets a writer know that nobody reads any more.
    enum Leaving {
        case reset
        /// By nothing that can be read.
        case shutdown
    }

    @Test(
        "P2: a producer that can reach nobody is not resumed",
        // Of a TCP peer that only reads no more the kernel does not tell; of a pair's other end that is freed, libevent.
        arguments: (StreamKind.withSocket + [.standardIO]).map { ($0, Leaving.reset) }
            + (StreamKind.withSocket.filter(\.isUNIX) + [.standardIO]).map { ($0, .shutdown) })
    func notResumed(kind: StreamKind, leaving: Leaving) throws {
        let subject = Recorder()
        let producer = EndlessProducer()
        let gone = Handoff(), ready = Handoff(), lost = Handoff()
        var drained = "-"
        subject.onMade = { me in
            producer.transport = me.transport
            try me.transport.registerProducer(producer, streaming: true)
            me.transport.write("x")
            me.reactor.callLater(.milliseconds(5)) {
                ready.finish(true)
                _ = gone.wait()
                me.transport.waterMarks = WaterMarks(low: 10, high: 100_000)
                me.transport.whenDrained().addBoth { drained = "\($0)" }
                producer.produce()
            }
        }
        subject.onLost = { _ in lost.finish(true) }
        let outcome = try kind.run(subject) { peer in
            _ = try peer.receive(1)
            #expect(ready.wait())
            switch leaving {
            case .reset: peer.reset()
            case .shutdown: shutdown(peer.descriptor, Int32(SHUT_RD))
            }
            gone.finish(true)
            #expect(lost.wait())
        }
        #expect(outcome.peerError == nil)
        #expect(producer.longestRun < EndlessProducer.limit)
        #expect(producer.isStopped)
        #expect(!drained.contains("success"))
    }

    @Test(
        "W4: a transport that has nothing more to produce is not waited for, if it is registered after its end",
        arguments: StreamKind.allCases, [true, false])
    func endedProducer(kind: StreamKind, halfCloses: Bool) throws {
        let subject = Recorder()
        let other = HalfCloseRecorder()
        let (ours, far) = try Peer.pair()
        subject.onMade = { me in
            var next: Recorder? = other
            other.onReadLost = { him in
                try me.transport.registerProducer(him.transport, streaming: true)
                halfCloses ? me.transport.loseWriteConnection() : me.transport.loseConnection()
            }
            try me.reactor.adoptStreamConnection(ours.descriptor, Factory { next.take() })
            far.finishSending()
        }
        subject.onLost = { _ in other.transport.loseConnection() }
        let start = ContinuousClock.now
        let outcome = try kind.run(subject) { peer in #expect(peer.waitForEnd() == 0) }
        #expect(outcome.peerError == nil)
        #expect(ContinuousClock.now - start < .seconds(3))
        far.close()
        ours.close()
    }

    @Test(
        "W4: of two transports that are each other's producers, one that ends lets the other close",
        arguments: StreamKind.allCases)
    func proxy(kind: StreamKind) throws {
        let subject = Recorder()
        let other = Recorder()
        let (ours, far) = try Peer.pair()
        subject.onMade = { me in
            var next: Recorder? = other
            other.onMade = { him in
                try me.transport.registerProducer(him.transport, streaming: true)
                try him.transport.registerProducer(me.transport, streaming: true)
                me.transport.write("!")
            }
            other.onLost = { _ in me.transport.loseConnection() }
            other.onData = { _, data in me.transport.write(data) }
            try me.reactor.adoptStreamConnection(ours.descriptor, Factory { next.take() })
        }
        subject.onData = { _, data in other.transport.write(data) }
        subject.onLost = { me in other.transport.loseConnection() }
        let start = ContinuousClock.now
        let outcome = try kind.run(subject) { peer in
            _ = try peer.receive(1)
            far.close()
            _ = peer.waitForEnd()
        }
        #expect(outcome.peerError == nil)
        #expect(ContinuousClock.now - start < .seconds(3))
        #expect(subject.losses == 1)
        #expect(other.losses == 1)
        subject.onData = { _, _ in }
        other.onData = { _, _ in }
    }

    @Test("S2: a protocol put in place behind an abort is told of both ends", arguments: StreamKind.allCases)
    func switchAfterAbort(kind: StreamKind) throws {
        let subject = Recorder()
        let successor = Recorder()
        subject.onData = { me, _ in
            let whenLost = me.whenLost
            me.reactor.callLater(.zero) {
                me.reactor.inNextPass {
                    successor.whenLost = whenLost
                    me.transport.switchProtocol(to: successor)
                }
                me.transport.abortConnection()
            }
        }
        try kind.run(subject) { peer in
            try peer.send("x")
            _ = peer.waitForEnd()
        }
        #expect(successor.events == [.made, .lost])
    }

    @Test("R3: a failed write does not have all input read at once", arguments: [StreamKind.unix, .adoptedPair])
    func endlessInput(kind: StreamKind) throws {
        let subject = Recorder()
        subject.keepsNothing = true
        var count = 0
        subject.onData = { me, data in
            count += data.byteCount
            if count == data.byteCount { me.transport.write([UInt8](repeating: 1, count: 10_000)) }
        }
        let start = ContinuousClock.now
        try kind.run(subject) { peer in
            shutdown(peer.descriptor, Int32(SHUT_RD))
            let threads = (0..<4).map { _ in
                ScriptThread {
                    let until = ContinuousClock.now + .seconds(3)
                    let block = [UInt8](repeating: 1, count: 100_000)
                    while ContinuousClock.now < until { if (try? peer.send(block)) == nil { break } }
                }
            }
            for thread in threads { thread.join() }
        }
        #expect(ContinuousClock.now - start < .seconds(2))
    }

    @Test("S7: paused again behind what was held back, it learns of the peer's end", arguments: StreamKind.allCases)
    func pausedAgain(kind: StreamKind) throws {
        let subject = Recorder()
        let successor = Recorder()
        var resumed: ContinuousClock.Instant?
        subject.onData = { me, data in
            successor.whenLost = me.whenLost
            me.transport.switchProtocol(to: successor, handingOver: data)
        }
        successor.onMade = { me in
            me.transport.pauseProducing()
            me.transport.write("x")
            me.reactor.callLater(.milliseconds(50)) { me.transport.resumeProducing() }
            me.reactor.callLater(.seconds(5)) {
                resumed = .now; me.transport.resumeProducing()
            }
        }
        successor.onData = { me, _ in me.transport.pauseProducing() }
        try kind.run(subject) { peer in
            try peer.send("first ")
            _ = try peer.receive(1)
            peer.finishSending()
            _ = peer.waitForEnd()
        }
        #expect(resumed == nil)
        #expect(successor.receivedText == "first ")
        #expect(successor.reason is ConnectionDone)
    }
}
