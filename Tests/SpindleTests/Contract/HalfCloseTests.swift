import Glibc
import Spindle
import Testing

/// W6 of the contract: connections that end one direction at a time.
@Suite(.ownThreads) struct HalfCloseTests {
    struct Refusal: Error {}

    @Test("W6: a HalfCloseProtocol hears of the peer's end, and writes on", arguments: StreamKind.allCases)
    func answersAfterTheEnd(kind: StreamKind) throws {
        let subject = HalfCloseRecorder()
        subject.onReadLost = { me in
            me.reactor.callLater(.milliseconds(5)) {
                me.transport.write("\(me.received.count) bytes")
                me.transport.loseConnection()
            }
        }
        let outcome = try kind.run(subject) { peer in
            try peer.send("question")
            peer.finishSending()
            let received = try peer.receiveToEnd()
            #expect(String(decoding: received, as: UTF8.self) == "8 bytes")
        }
        #expect(outcome.peerError == nil)
        #expect(subject.ends == ["read", "lost"])
        #expect(subject.reason is ConnectionDone)
    }

    @Test(
        "W6: writeConnectionLost comes when all of a large output has gone; reading goes on",
        arguments: StreamKind.allCases)
    func finishesWriting(kind: StreamKind) throws {
        let subject = HalfCloseRecorder()
        let size = 8 << 20
        subject.onMade = { me in
            me.transport.write([UInt8](repeating: 7, count: size))
            me.transport.loseWriteConnection()
            me.transport.write("too late")
        }
        subject.onReadLost = { me in me.transport.loseConnection() }
        let outcome = try kind.run(subject, receiveBuffer: 4096) { peer in
            let received = try peer.receiveToEnd()
            #expect(received.count == size)
            try peer.send("thank you")
        }
        #expect(outcome.peerError == nil)
        #expect(subject.ends == ["write", "read", "lost"])
        #expect(subject.receivedText == "thank you")
    }

    @Test("W6: when both directions have ended the connection is over", arguments: StreamKind.allCases, [true, false])
    func bothEnds(kind: StreamKind, weEndFirst: Bool) throws {
        let subject = HalfCloseRecorder()
        if weEndFirst {
            subject.onMade = { me in me.transport.loseWriteConnection() }
        } else {
            subject.onReadLost = { me in me.transport.loseWriteConnection() }
        }
        let outcome = try kind.run(subject) { peer in
            if weEndFirst { #expect(peer.waitForEnd() == 0) }
            peer.finishSending()
            #expect(peer.waitForEnd() == 0)
        }
        #expect(outcome.peerError == nil)
        #expect(subject.ends == (weEndFirst ? ["write", "read", "lost"] : ["read", "write", "lost"]))
        #expect(subject.reason is ConnectionDone)
    }

    @Test(
        "W6: loseWriteConnection in readConnectionLost, and loseConnection in writeConnectionLost, end it once",
        arguments: StreamKind.allCases)
    func bothEndsInTurn(kind: StreamKind) throws {
        let subject = HalfCloseRecorder()
        subject.onReadLost = { me in me.transport.loseWriteConnection() }
        subject.onWriteLost = { me in me.transport.loseConnection() }
        let outcome = try kind.run(subject) { peer in
            peer.finishSending()
            #expect(peer.waitForEnd() == 0)
        }
        #expect(outcome.peerError == nil)
        #expect(subject.ends == ["read", "write", "lost"])
        #expect(subject.losses == 1)
        #expect(subject.reason is ConnectionDone)
    }

    @Test("W6: loseWriteConnection towards a peer that is gone does no harm", arguments: StreamKind.allCases)
    func towardsNobody(kind: StreamKind) throws {
        let subject = Recorder()
        let isGone = Handoff()
        subject.onData = { me, _ in
            #expect(isGone.wait())
            me.transport.write("x")
            me.transport.loseWriteConnection()
            me.transport.loseWriteConnection()
        }
        let outcome = try kind.run(subject) { peer in
            try peer.send("and that was all")
            peer.close()
            isGone.finish(true)
        }
        #expect(outcome.peerError == nil)
        #expect(subject.receivedText == "and that was all")
        #expect(subject.losses == 1)
    }

    @Test(
        "W6: loseConnection after loseWriteConnection ends it, whatever the peer does", arguments: StreamKind.allCases)
    func closingTheRest(kind: StreamKind) throws {
        let subject = HalfCloseRecorder()
        subject.onMade = { me in
            me.transport.write("half")
            me.transport.loseWriteConnection()
        }
        subject.onWriteLost = { me in me.reactor.callLater(.zero) { me.transport.loseConnection() } }
        let isOver = Handoff()
        subject.onLost = { _ in isOver.finish(true) }
        let outcome = try kind.run(subject) { peer in
            let received = try peer.receiveToEnd()
            #expect(received == Array("half".utf8))
            #expect(isOver.wait())
        }
        #expect(outcome.peerError == nil)
        #expect(subject.ends == ["write", "lost"])
        #expect(subject.reason is ConnectionDone)
    }

    @Test(
        "S4: what readConnectionLost and writeConnectionLost throw is the reason", arguments: StreamKind.allCases,
        [true, false])
    func throwing(kind: StreamKind, inRead: Bool) throws {
        let subject = HalfCloseRecorder()
        subject.onReadLost = { me in if inRead { throw Refusal() } }
        subject.onWriteLost = { _ in throw Refusal() }
        if !inRead { subject.onMade = { me in me.transport.loseWriteConnection() } }
        try kind.run(subject) { peer in
            if inRead { peer.finishSending() }
            #expect(peer.waitForEnd() == 0)
        }
        #expect(subject.ends == [inRead ? "read" : "write", "lost"])
        #expect(subject.reason is Refusal)
    }

    @Test(
        "S7: between readConnectionLost and the end a reset is noticed, without writing",
        arguments: StreamKind.withSocket
    )
    func resetAfterTheEnd(kind: StreamKind) throws {
        let subject = HalfCloseRecorder()
        subject.onReadLost = { me in me.transport.write("still here") }
        try kind.run(subject) { peer in
            peer.finishSending()
            let received = try peer.receiveText(10)
            #expect(received == "still here")
            peer.reset()
        }
        #expect(subject.ends == ["read", "lost"])
        #expect(subject.reason is ConnectionLost)
    }

    @Test(
        "S7: to a HalfCloseProtocol the peer's end is a part of what it reads, and waits until it reads again",
        arguments: StreamKind.allCases, ["", "before"])
    func paused(kind: StreamKind, text: String) throws {
        let subject = HalfCloseRecorder()
        let hasFinished = Handoff()
        var endsWhilePaused: [String]?
        subject.onMade = { me in
            me.transport.pauseProducing()
            me.transport.write("paused")
            me.reactor.poll {
                guard hasFinished.isFinished else { return false }
                // Time in which it could be told.
                me.reactor.callLater(.milliseconds(100)) {
                    endsWhilePaused = subject.ends
                    me.transport.resumeProducing()
                }
                return nil
            }
        }
        subject.onReadLost = { me in
            #expect(me.receivedText == text)
            me.transport.loseConnection()
        }
        try kind.run(subject) { peer in
            _ = try peer.receive(6)
            if !text.isEmpty { try peer.send(text) }
            peer.finishSending()
            hasFinished.finish(true)
            // A peer that closes as well has ended both directions.
            _ = peer.waitForEnd()
        }
        #expect(endsWhilePaused == [])
        #expect(subject.ends == ["read", "lost"])
    }

    @Test(
        "W6: loseWriteConnection waits for a registered producer (Twisted: D2)", arguments: StreamKind.allCases,
        [true, false])
    func waitsForProducer(kind: StreamKind, streaming: Bool) throws {
        let subject = HalfCloseRecorder()
        let producer = CountingProducer(pieces: 50, size: 20_000)
        subject.onMade = { me in
            producer.transport = me.transport
            try me.transport.registerProducer(producer, streaming: streaming)
            me.transport.loseWriteConnection()
            if streaming { me.reactor.callLater(.milliseconds(10)) { producer.produce() } }
        }
        subject.onReadLost = { me in me.transport.loseConnection() }
        let outcome = try kind.run(subject) { peer in
            let received = try peer.receiveToEnd()
            #expect(received.count == 50 * 20_000)
        }
        #expect(outcome.peerError == nil)
        #expect(subject.ends == ["write", "read", "lost"])
    }
}
