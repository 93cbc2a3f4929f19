import CLibEvent
import Glibc
import Spindle
import Testing

/// What libevent's bufferevents do that surprises, after its own regression tests; and what a protocol on an adopted one is told.
@Suite(.ownThreads) struct ForeignBehaviourTests {
    /// An adopted bufferevent on a TCP connection, and the other end of that.
    private func adopt(
        _ subject: Recorder, options: bufferevent_options = BEV_OPT_CLOSE_ON_FREE,
        before: (OpaquePointer) throws -> Void = { _ in }, then body: (Reactor, OpaquePointer, Peer) throws -> Void
    ) throws {
        let reactor = try Reactor(options: .forTests)
        let (listener, port) = try Peer.listener()
        defer { listener.close() }
        let ours = try Peer.connect(to: SocketAddress("127.0.0.1", port: port))
        let peer = try listener.accept()
        defer { peer.close() }
        let descriptor = dup(ours.descriptor)
        ours.close()
        evutil_make_socket_nonblocking(descriptor)
        let made = bufferevent_socket_new(reactor.eventBase, descriptor, Int32(options.rawValue))
        let raw = try #require(made)
        try before(raw)
        subject.whenLost = { try? reactor.stop() }
        try reactor.adopt(bufferEvent: raw, protocol: subject)
        try body(reactor, raw, peer)
    }

    @Test("S3: an end of input leaves errno as it was, which is no reason")
    func staleErrno() throws {
        let subject = Recorder()
        subject.onMade = { _ in errno = ECONNRESET }
        subject.onData = { _, _ in errno = EPIPE }
        try adopt(subject) { reactor, _, peer in
            try peer.send("last words")
            peer.finishSending()
            try reactor.runWatched()
        }
        #expect(subject.receivedText == "last words")
        #expect(subject.reason is ConnectionDone)
    }

    @Test("I2: what is below C's low watermark when the end comes is delivered, and then the end")
    func lowWatermark() throws {
        let subject = Recorder()
        try adopt(subject, before: { bufferevent_setwatermark($0, Int16(EV_READ), 1000, 0) }) { reactor, _, peer in
            try peer.send("four")
            peer.finishSending()
            try reactor.runWatched()
        }
        #expect(subject.receivedText == "four")
        #expect(subject.reason is ConnectionDone)
    }

    @Test("I2: bytes below C's low watermark that arrived in C's time, with the end right behind")
    func belowTheMarkAlready() throws {
        let subject = Recorder()
        let reactor = try Reactor(options: .forTests)
        let (ours, peer) = try CProgram.pair(on: reactor)
        bufferevent_setwatermark(ours.raw, Int16(EV_READ), 1000, 0)
        try peer.send("four")
        try reactor.pollOnce()
        peer.close()
        subject.whenLost = { try? reactor.stop() }
        try reactor.adopt(bufferEvent: ours.raw, protocol: subject)
        try reactor.runWatched()
        #expect(subject.receivedText == "four")
        #expect(subject.reason is ConnectionDone)
    }

    @Test("S2, S3: a reset with output pending is two events of libevent's, and one end, with the error of the first")
    func resetWithOutputPending() throws {
        let subject = Recorder()
        subject.onMade = { me in me.transport.write([UInt8](repeating: 7, count: 8 << 20)) }
        try adopt(subject) { reactor, _, peer in
            reactor.callLater(.milliseconds(10)) { peer.reset() }
            try reactor.runWatched()
        }
        #expect(subject.losses == 1)
        let code = (subject.reason as? ConnectionLost)?.errno
        #expect(code == ECONNRESET || code == EPIPE)
    }

    @Test("S3: a reset with nothing pending is told with its errno, once")
    func reset() throws {
        let subject = Recorder()
        try adopt(subject) { reactor, _, peer in
            reactor.callLater(.milliseconds(5)) { peer.reset() }
            try reactor.runWatched()
        }
        #expect(subject.losses == 1)
        #expect((subject.reason as? ConnectionLost)?.errno == ECONNRESET)
    }

    @Test("W3: what C code wrote just before the close is sent, where bufferevent_free would drop it")
    func freeBeforeFlush() throws {
        let subject = Recorder()
        let size = 4 << 20
        let bytes = [UInt8](repeating: 9, count: size)
        try adopt(subject) { reactor, raw, peer in
            subject.onMade = { me in
                bufferevent_write(raw, bytes, size)
                me.transport.loseConnection()
            }
            let received = Lock(0)
            let reader = ScriptThread { received.withLock { $0 = (try? peer.receiveToEnd().count) ?? -1 } }
            try reactor.runWatched()
            reader.join()
            #expect(received.withLock { $0 } == size)
        }
        #expect(subject.reason is ConnectionDone)
    }

    @Test(
        "I2: what Swift and C write in turn in one callback leaves in that order",
        arguments: ["S", "SC", "SCS", "CSSC", "SSCCS"])
    func writesInTurn(writers: String) throws {
        let subject = Recorder()
        try adopt(subject) { reactor, raw, peer in
            subject.onMade = { me in
                for (place, writer) in writers.enumerated() {
                    if writer == "S" { me.transport.write("\(place)") } else { bufferevent_write(raw, "\(place)", 1) }
                }
            }
            subject.onData = { me, _ in
                me.transport.write("last")
                me.transport.loseConnection()
            }
            let places = writers.indices.map { "\(writers.distance(from: writers.startIndex, to: $0))" }.joined()
            let script = ScriptThread {
                do {
                    #expect(try peer.receiveText(places.count) == places)
                    try peer.send("x")
                    #expect(try peer.receiveToEnd() == Array("last".utf8))
                } catch { Issue.record(error) }
            }
            try reactor.runWatched()
            script.join()
        }
    }

    @Test(
        "I2: what a protocol keeps unused when it gives the bufferevent back is C's to read, by way of a successor, too"
    )
    func keptBytes() throws {
        for hasSuccessor in [false, true] {
            let reactor = try Reactor(options: .forTests)
            let (ours, peer) = try CProgram.pair(on: reactor)
            ours.onRead = { ours in if ours.take() == "second third" { try? reactor.stop() } }
            let (subject, successor) = (Recorder(), Recorder())
            successor.onMade = { me in _ = try me.transport.detachBufferEvent() }
            subject.onData = { me, _ in
                if hasSuccessor {
                    me.transport.switchProtocol(to: successor)
                } else {
                    _ = try me.transport.detachBufferEvent()
                }
                // Known when the callback is over, as in a LineReceiver.
                me.unused = Array("second third".utf8)
            }
            try reactor.adopt(bufferEvent: ours.raw, protocol: subject)
            try peer.send("first second third")
            try reactor.runWatched()
            #expect(ours.taken == "second third")
            ours.free()
            peer.close()
        }
    }

    @Test("I2: output leaves before C hears of the end of input, also when C has the bufferevent back")
    func outputBeforeEnd() throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, peer) = try CProgram.pair(on: reactor)
        let subject = Recorder()
        subject.onData = { me, data in
            me.transport.write(data)
            _ = try me.transport.detachBufferEvent()
            peer.finishSending()
        }
        try reactor.adopt(bufferEvent: ours.raw, protocol: subject)
        try peer.send("echo")
        while ours.events.isEmpty { try reactor.pollOnce() }
        #expect(ours.outputLength == 0)
        ours.free()
        #expect(try peer.receiveToEnd() == Array("echo".utf8))
        peer.close()
    }

    @Test("I2: the descriptor is closed with the connection, and nobody closes its number a second time")
    func descriptorClosedOnce() throws {
        for options in [BEV_OPT_CLOSE_ON_FREE, bufferevent_options(0)] {
            // Another test, on a thread of its own, may be given the number first.
            var wasTakenOver = false
            for _ in 0..<20 where !wasTakenOver {
                let subject = Recorder()
                try adopt(subject, options: options) { reactor, raw, peer in
                    let descriptor = bufferevent_getfd(raw)
                    var successor: CInt = -1
                    subject.onMade = { me in
                        me.transport.abortConnection()
                        // Takes the number over, before libevent has freed what it still has of the bufferevent.
                        successor = fcntl(peer.descriptor, F_DUPFD, descriptor)
                    }
                    try reactor.runWatched()
                    wasTakenOver = successor == descriptor
                    #expect(fcntl(successor, F_GETFD) >= 0)
                    close(successor)
                }
                #expect(subject.reason is ConnectionAborted)
            }
            #expect(wasTakenOver)
        }
    }

    @Test("P2: enabling writing with nothing to write, for which libevent reports room, is heard by nobody")
    func spuriousWrite() throws {
        let subject = Recorder()
        let producer = CountingProducer(pieces: 0, size: 0)
        try adopt(subject) { reactor, raw, _ in
            subject.onMade = { me in
                try me.transport.registerProducer(producer, streaming: true)
                bufferevent_enable(raw, Int16(EV_READ | EV_WRITE))
                reactor.callLater(.milliseconds(10)) { me.transport.abortConnection() }
            }
            try reactor.runWatched()
        }
        #expect(producer.resumes == 0)
        #expect(subject.events == [.made, .lost])
    }

    @Test(
        "S1: C triggering its read callback with nothing there delivers no empty data",
        arguments: [0, 1 << 16, 1 << 17])
    func trigger(options: Int32) throws {
        let subject = Recorder()
        try adopt(subject) { reactor, raw, _ in
            subject.onMade = { me in
                bufferevent_trigger(raw, Int16(EV_READ), options | Int32(BEV_OPT_DEFER_CALLBACKS.rawValue))
                bufferevent_trigger(raw, Int16(EV_READ | EV_WRITE), options)
                reactor.callLater(.milliseconds(5)) { me.transport.loseConnection() }
            }
            try reactor.runWatched()
        }
        #expect(subject.events == [.made, .lost])
    }

    @Test("S2: an end that C triggers is one end, though the peer's follows")
    func triggeredEvent() throws {
        let subject = Recorder()
        try adopt(subject) { reactor, raw, peer in
            subject.onMade = { _ in
                bufferevent_trigger_event(raw, Int16(BEV_EVENT_READING | BEV_EVENT_EOF), 0)
                peer.finishSending()
            }
            try reactor.runWatched()
        }
        #expect(subject.events == [.made, .lost])
        #expect(subject.reason is ConnectionDone)
    }

    @Test("W6: after shutting down writing the peer sees the end, and what it sends still comes")
    func halfClose() throws {
        let subject = HalfCloseRecorder()
        subject.onMade = { me in
            me.transport.write("over")
            me.transport.loseWriteConnection()
        }
        try adopt(subject) { reactor, _, peer in
            let script = ScriptThread {
                do {
                    #expect(try peer.receiveToEnd() == Array("over".utf8))
                    try peer.send("and out")
                    peer.finishSending()
                } catch { Issue.record(error) }
            }
            try reactor.runWatched()
            script.join()
        }
        #expect(subject.receivedText == "and out")
    }

    @Test("S7: a peer that leaves while C's flags had reading off, which libevent would never notice, is noticed")
    func readingWasOff() throws {
        let subject = Recorder()
        subject.onMade = { me in me.transport.pauseProducing() }
        try adopt(subject, before: { bufferevent_disable($0, Int16(EV_READ)) }) { reactor, _, peer in
            reactor.callLater(.milliseconds(5)) { peer.close() }
            try reactor.runWatched()
        }
        #expect(subject.reason is ConnectionDone)
    }

    @Test("F3: a connection that its peer closes before an adopted listener accepts it")
    func immediateClose() throws {
        let reactor = try Reactor(options: .forTests)
        let (socket, port) = try Peer.listener()
        let raw = evconnlistener_new(
            reactor.eventBase, nil, nil, UInt32(LEV_OPT_CLOSE_ON_EXEC), 0, socket.descriptor)
        let subject = Recorder()
        subject.whenLost = { try? reactor.stop() }
        var next: Recorder? = subject
        try reactor.adopt(listener: raw, factory: Factory { next.take() })
        try Peer.connect(to: SocketAddress("127.0.0.1", port: port)).close()
        try reactor.runWatched()
        #expect(subject.events == [.made, .lost])
        socket.close()
    }
}
