import Spindle
import Testing

/// P2 and P3 of the contract: settable marks, and `drained()`.
@Suite(.ownThreads) struct WaterMarkTests {
    @Test(
        "P2: a producer is paused above the high mark and resumed at the low one, as they are set",
        arguments: StreamKind.allCases)
    func settable(kind: StreamKind) throws {
        let subject = Recorder()
        let piece = 10_000
        let producer = CountingProducer(pieces: 1000, size: piece)
        let marks = WaterMarks(low: 2_000_000, high: 4_000_000)
        let isPaused = Handoff()
        var writtenAtPause = 0
        producer.onPause = { [unowned producer] in
            if writtenAtPause == 0 { writtenAtPause = producer.written }
            isPaused.finish(true)
        }
        subject.onMade = { me in
            me.transport.waterMarks = marks
            #expect(me.transport.waterMarks == marks)
            producer.transport = me.transport
            try me.transport.registerProducer(producer, streaming: true)
            producer.produce()
        }
        let outcome = try kind.run(subject, receiveBuffer: 4096) { peer in
            #expect(isPaused.wait())
            _ = try peer.receive(1000 * piece)
        }
        #expect(outcome.peerError == nil)
        #expect(writtenAtPause > marks.high)
        // One that is paused by its last piece ends instead of being resumed.
        #expect(producer.pauses == producer.resumes + (producer.endedPaused ? 1 : 0))
    }

    @Test("P2: lowering the marks pauses at once, raising them resumes in a later pass", arguments: StreamKind.allCases)
    func changed(kind: StreamKind) throws {
        let subject = Recorder()
        let producer = CountingProducer(pieces: 500, size: 20_000)
        subject.onMade = { me in
            let transport = me.transport
            transport.waterMarks = WaterMarks(low: 50_000_000, high: 50_000_000)
            producer.transport = transport
            try transport.registerProducer(producer, streaming: true)
            transport.write([UInt8](repeating: 1, count: 10_000_000))
            #expect(producer.pauses == 0)
            transport.waterMarks = WaterMarks(low: 0, high: 100)
            #expect((producer.pauses, producer.resumes) == (1, 0))
            transport.waterMarks = WaterMarks(low: 50_000_000, high: 50_000_000)
            #expect(producer.resumes == 0)
            producer.onResume = { me.transport.write("resumed") }
            me.reactor.callLater(.zero) {
                #expect(producer.resumes == 1)
                producer.produce()
            }
        }
        let outcome = try kind.run(subject, receiveBuffer: 4096) { peer in
            _ = try peer.receive(20_000_007)
        }
        #expect(outcome.peerError == nil)
    }

    @Test("P2: drained() returns at the low mark", arguments: StreamKind.allCases)
    func drained(kind: StreamKind) throws {
        let subject = Recorder()
        let mayRead = Handoff()
        var order: [String] = []
        subject.onMade = { me in
            me.reactor.spawn {
                // With nothing waiting it returns in the next pass.
                try await me.transport.drained()
                order.append("empty")
                me.transport.write([UInt8](repeating: 2, count: 16 << 20))
                mayRead.finish(true)
                try await me.transport.drained()
                order.append("drained")
                me.transport.loseConnection()
            }
        }
        let outcome = try kind.run(subject, receiveBuffer: 4096) { peer in
            #expect(mayRead.wait())
            let received = try peer.receiveToEnd()
            #expect(received.count == 16 << 20)
        }
        #expect(outcome.peerError == nil)
        #expect(order == ["empty", "drained"])
    }

    @Test("P3: drained() throws the reason when the connection is lost", arguments: StreamKind.allCases, [true, false])
    func drainedIsLost(kind: StreamKind, weAbort: Bool) throws {
        let subject = Recorder()
        var failure: (any Error)?
        var late: (any Error)?
        subject.onMade = { me in
            me.transport.write([UInt8](repeating: 2, count: 16 << 20))
            me.reactor.spawn {
                do { try await me.transport.drained() } catch { failure = error }
                do { try await me.transport.drained() } catch { late = error }
            }
            if weAbort { me.transport.abortConnection() }
        }
        try kind.run(subject) { peer in
            if weAbort {
                _ = peer.waitForEnd()
            } else {
                _ = try peer.receive(10)
                peer.reset()
            }
        }
        #expect(weAbort ? failure is ConnectionAborted : failure is ConnectionLost)
        #expect(weAbort ? late is ConnectionAborted : late is ConnectionLost)
    }

    @Test("P2: one that writes and drains in a loop lets others have their turn", arguments: StreamKind.allCases)
    func fairness(kind: StreamKind) throws {
        let subject = Recorder()
        var ticks = 0
        subject.onMade = { me in
            func tick() {
                ticks += 1
                if ticks < 20 { me.reactor.callLater(.zero) { tick() } }
            }
            tick()
            me.reactor.spawn {
                // To a peer that takes everything at once this never has to wait for the peer.
                while ticks < 20 {
                    me.transport.write("x")
                    try await me.transport.drained()
                }
                me.transport.loseConnection()
            }
        }
        let outcome = try kind.run(subject) { peer in _ = try peer.receiveToEnd() }
        #expect(outcome.peerError == nil)
        #expect(ticks == 20)
    }

    @Test(
        "P3: drained() returns when the connection ends in good order, and throws after that",
        arguments: StreamKind.allCases)
    func drainedAtTheEnd(kind: StreamKind) throws {
        let subject = Recorder()
        var outcomes: [String] = []
        let isOver = Handoff()
        subject.onMade = { me in
            me.reactor.spawn {
                // The first await of a task may let a pass go by.
                try await me.reactor.sleep(.zero).value()
                me.transport.write("the last")
                me.transport.loseConnection()
                do {
                    try await me.transport.drained()
                    outcomes.append("drained")
                    try await me.reactor.until { me.losses == 1 }
                    try await me.transport.drained()
                } catch { outcomes.append("\(type(of: error))") }
                isOver.finish(true)
            }
        }
        try kind.run(subject) { peer in
            #expect(peer.waitForEnd() == 0)
            // The reactor stops when both sides are done, which is not to call the task off.
            #expect(isOver.wait())
        }
        #expect(outcomes == ["drained", "ConnectionDone"])
    }
}
