import CLibEvent
import Glibc
import Testing

@testable import Spindle

/// I2 of the contract: C's bufferevents as transports, and their way back.
@Suite(.ownThreads) struct AdoptedBufferEventTests {
    @Test("I2: bytes in the input come first, in a later pass; those in the output leave first")
    func whatIsThere() throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, peer) = try CProgram.pair(on: reactor)
        try peer.send("from C's time")
        try reactor.pollOnce()
        #expect(ours.unread == "from C's time")
        ours.write("C ")
        let subject = Recorder()
        subject.onMade = { me in me.transport.write("Swift") }
        subject.onLost = { me in try? me.reactor.stop() }
        try reactor.adopt(bufferEvent: ours.raw, protocol: subject)
        #expect(subject.events.isEmpty)
        peer.finishSending()
        try reactor.runWatched()
        #expect(subject.receivedText == "from C's time")
        #expect(subject.reason is ConnectionDone)
        #expect(String(decoding: try peer.receiveToEnd(), as: UTF8.self) == "C Swift")
    }

    @Test("I2: detaching restores callbacks, context, watermarks, flags and sizes exactly", arguments: [true, false])
    func restored(reads: Bool) throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, peer) = try CProgram.pair(on: reactor)
        defer { peer.close() }
        bufferevent_setwatermark(ours.raw, Int16(EV_READ), 3, 4000)
        bufferevent_setwatermark(ours.raw, Int16(EV_WRITE), 5, 6000)
        bufferevent_set_max_single_write(ours.raw, 7777)
        if !reads { bufferevent_disable(ours.raw, Int16(EV_READ)) }
        if reads { bufferevent_disable(ours.raw, Int16(EV_WRITE)) }
        let before = ours.settings
        let subject = Recorder()
        subject.onMade = { me in
            #expect(ours.settings != before)
            me.reactor.callLater(.zero) {
                let returned = try me.transport.detachBufferEvent()
                #expect(returned == ours.raw)
                #expect(ours.settings == before)
                #expect(!me.transport.isConnected)
                me.transport.write("into the void")
                try me.reactor.stop()
            }
        }
        try reactor.adopt(bufferEvent: ours.raw, protocol: subject)
        try reactor.runWatched()
        #expect(subject.events == [.made])
        #expect(ours.outputLength == 0)
        ours.free()
    }

    @Test("I2: detached in dataReceived, C reads on in the same callback, and is called for the rest")
    func detachedInCallback() throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, peer) = try CProgram.pair(on: reactor)
        ours.onRead = { ours in if ours.take().hasSuffix("end") { try? reactor.stop() } }
        let subject = Recorder()
        subject.onData = { me, data in
            // The first part was consumed, and the last one is not.
            let rest = data.extracting(6...)
            let returned = try me.transport.detachBufferEvent(handingBack: rest)
            #expect(returned == ours.raw)
            #expect(ours.unread == "for C ")
            ours.write("from C")
            // Still there: it is the receiver's until the callback returns.
            #expect(String(decoding: data) == "first for C ")
        }
        try reactor.adopt(bufferEvent: ours.raw, protocol: subject)
        try peer.send("first for C ")
        reactor.callLater(.milliseconds(20)) { try peer.send("end") }
        try reactor.runWatched()
        #expect(ours.taken == "for C end")
        #expect(subject.losses == 0)
        #expect(try peer.receiveText(6) == "from C")
        ours.free()
    }

    @Test("I2: what was held back goes back, behind what is handed back and before what comes")
    func heldBack() throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, peer) = try CProgram.pair(on: reactor)
        let subject = Recorder()
        subject.onData = { me, data in
            me.transport.pauseProducing()
            me.reactor.callLater(.zero) {
                try "back ".withRawSpan { _ = try me.transport.detachBufferEvent(handingBack: $0) }
                #expect(ours.unread.hasPrefix("back "))
                ours.onRead = { ours in if ours.take().hasSuffix("z") { try? me.reactor.stop() } }
            }
        }
        try reactor.adopt(bufferEvent: ours.raw, protocol: subject)
        let sent = String(repeating: "x", count: 50_000) + "z"
        try peer.send(sent)
        try reactor.runWatched()
        #expect(subject.receivedText + ours.taken.dropFirst(5) == sent)
        // They hold each other, and nobody tells the protocol of an end.
        ours.onRead = { _ in }
        ours.free()
        peer.close()
    }

    @Test("I2: C's own writes among Swift's keep their order, and closing waits for them")
    func orderOfWrites() throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, peer) = try CProgram.pair(on: reactor)
        let subject = Recorder()
        subject.onMade = { me in
            for letter in ["a", "c", "e"] {
                me.transport.write(String(repeating: letter, count: 100_000))
                ours.write(String(repeating: letter.uppercased(), count: 100_000))
            }
            me.transport.loseConnection()
        }
        subject.onLost = { me in try? me.reactor.stop() }
        try reactor.adopt(bufferEvent: ours.raw, protocol: subject)
        let received = Lock("")
        let reader = ScriptThread {
            let all = (try? peer.receiveToEnd()) ?? []
            received.withLock { $0 = String(decoding: all, as: UTF8.self) }
        }
        try reactor.runWatched()
        reader.join()
        #expect(
            received.withLock { $0 }
                == ["a", "A", "c", "C", "e", "E"].map { String(repeating: $0, count: 100_000) }.joined())
        #expect(subject.reason is ConnectionDone)
    }

    @Test("I2: what cannot be adopted is an error that says why")
    func errors() throws {
        let reactor = try Reactor(options: .forTests)
        let other = try Reactor(options: .forTests)
        func reason(_ body: () throws -> Void) -> CannotAdoptBufferEventError.Reason? {
            do { try body() } catch { return (error as? CannotAdoptBufferEventError)?.reason }
            return nil
        }
        #expect(reason { try reactor.adopt(bufferEvent: nil, protocol: Protocol()) } == .null)
        let (ours, peer) = try CProgram.pair(on: reactor)
        defer { peer.close() }
        #expect(reason { try other.adopt(bufferEvent: ours.raw, protocol: Protocol()) } == .anotherBase)
        let subject = Recorder()
        let transport = try reactor.adopt(bufferEvent: ours.raw, protocol: subject)
        #expect(reason { try reactor.adopt(bufferEvent: ours.raw, protocol: Protocol()) } == .adoptedAlready)
        #expect(transport.bufferEvent == ours.raw)
        // A C program's way to get it wrong: it has the pointers, and another thread.
        nonisolated(unsafe) let (elsewhere, raw) = (reactor, ours.raw)
        let wrong = Lock<CannotAdoptBufferEventError.Reason?>(nil)
        let thread = ScriptThread {
            do { try elsewhere.adopt(bufferEvent: raw, protocol: Protocol()) } catch {
                wrong.withLock { $0 = (error as? CannotAdoptBufferEventError)?.reason }
            }
        }
        thread.join()
        #expect(wrong.withLock { $0 } == .wrongThread)
        var lateReason: CannotAdoptBufferEventError.Reason?
        subject.onLost = { _ in lateReason = reason { try reactor.adopt(bufferEvent: ours.raw, protocol: Protocol()) } }
        reactor.callWhenRunning { reactor.callLater(.zero) { try reactor.stop() } }
        try reactor.runWatched()
        #expect(lateReason == .reactorStopped)
        for reason in [CannotAdoptBufferEventError.Reason.null, .noOtherEnd, .wrongThread] {
            #expect("\(CannotAdoptBufferEventError(reason))".hasPrefix("cannot adopt the bufferevent: "))
        }
    }

    @Test("I2: what cannot be detached is an error that says why, and goes on")
    func detachErrors() throws {
        let subject = Recorder()
        var reasons: [CannotDetachBufferEventError.Reason] = []
        func detach(_ transport: Transport) {
            do { _ = try transport.detachBufferEvent() } catch {
                if let error = error as? CannotDetachBufferEventError { reasons.append(error.reason) }
            }
        }
        subject.onMade = { me in
            detach(me.transport)
            _ = me.transport.bufferEvent
            detach(me.transport)
        }
        subject.onLost = { me in detach(me.transport) }
        try StreamKind.tcp4.run(subject) { _ in }
        #expect(reasons == [.notAdopted, .notAdopted, .lost])

        reasons = []
        let adopted = Recorder()
        adopted.onMade = { me in
            me.transport.loseConnection()
            detach(me.transport)
        }
        try StreamKind.adoptedBufferEvent.run(adopted) { peer in _ = peer.waitForEnd() }
        #expect(reasons == [.closing])
    }

    @Test("S3: a timeout of C's stays, and ends the connection with ETIMEDOUT")
    func timeout() throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, peer) = try CProgram.pair(on: reactor)
        defer { peer.close() }
        var limit = timeval(tv_sec: 0, tv_usec: 20_000)
        bufferevent_set_timeouts(ours.raw, &limit, nil)
        let subject = Recorder()
        subject.onLost = { me in try? me.reactor.stop() }
        try reactor.adopt(bufferEvent: ours.raw, protocol: subject)
        try reactor.runWatched()
        #expect((subject.reason as? ConnectionLost)?.errno == ETIMEDOUT)
    }
}
