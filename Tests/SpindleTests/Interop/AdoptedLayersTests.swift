import CLibEvent
import Glibc
import Testing

@testable import Spindle

/// I2 for bufferevents that are no socket's own: filters and pairs.
@Suite(.ownThreads) struct AdoptedLayersTests {
    /// A filter that turns each byte into its neighbour, and writes a full stop at the end.
    private static func filter(over socket: CProgram) -> OpaquePointer? {
        bufferevent_filter_new(
            socket.raw, { from, to, _, _, _ in AdoptedLayersTests.pass(from, to, -1) },
            { from, to, _, mode, _ in
                let result = AdoptedLayersTests.pass(from, to, 1)
                guard mode == BEV_FINISHED else { return result }
                evbuffer_add(to, ".", 1)
                return BEV_OK
            }, Int32(BEV_OPT_CLOSE_ON_FREE.rawValue), nil, nil)
    }

    private static func pass(_ from: OpaquePointer?, _ to: OpaquePointer?, _ step: Int) -> bufferevent_filter_result {
        var bytes = [UInt8](repeating: 0, count: evbuffer_get_length(from))
        guard !bytes.isEmpty else { return BEV_NEED_MORE }
        evbuffer_remove(from, &bytes, bytes.count)
        for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: Int(bytes[index]) + step) }
        evbuffer_add(to, bytes, bytes.count)
        return BEV_OK
    }

    @Test(
        "W3: behind a filter all that was written is sent before the close, its last words too",
        arguments: [1, 4 << 20])
    func filterFlushes(size: Int) throws {
        let reactor = try Reactor(options: .forTests)
        let (socket, peer) = try CProgram.pair(on: reactor, options: BEV_OPT_CLOSE_ON_FREE)
        let subject = Recorder()
        subject.onData = { me, _ in
            me.transport.write([UInt8](repeating: 65, count: size))
            #expect(size == 1 || (me.transport as? LayeredTransport)?.backlogLength ?? 0 > 0)
            me.transport.loseConnection()
        }
        subject.onLost = { me in me.reactor.callLater(.zero) { try me.reactor.stop() } }
        try reactor.adopt(bufferEvent: Self.filter(over: socket), protocol: subject)
        try peer.send("ifmmp")
        let count = Lock((bytes: 0, last: UInt8(0)))
        let reader = ScriptThread {
            let all = (try? peer.receiveToEnd()) ?? []
            count.withLock { $0 = (all.count, all.last ?? 0) }
        }
        try reactor.runWatched()
        reader.join()
        #expect(subject.receivedText == "hello")
        #expect(count.withLock { $0.bytes } == size + 1)
        #expect(count.withLock { $0.last } == UInt8(ascii: "."))
        #expect(subject.reason is ConnectionDone)
    }

    @Test("S7: a filter's bytes that came while paused come before the end, on resume")
    func filterPaused() throws {
        let reactor = try Reactor(options: .forTests)
        let (socket, peer) = try CProgram.pair(on: reactor, options: BEV_OPT_CLOSE_ON_FREE)
        let subject = Recorder()
        subject.onMade = { me in
            me.transport.pauseProducing()
            me.reactor.callLater(.milliseconds(20)) {
                #expect(me.events == [.made])
                me.transport.resumeProducing()
            }
        }
        subject.onLost = { me in me.reactor.callLater(.zero) { try me.reactor.stop() } }
        try reactor.adopt(bufferEvent: Self.filter(over: socket), protocol: subject)
        try peer.send("ifmmp")
        peer.finishSending()
        try reactor.runWatched()
        #expect(subject.receivedText == "hello")
        #expect(subject.reason is ConnectionDone)
    }

    @Test("S2, S3: both of a pair may be adopted; one's end is the other's")
    func bothOfAPair() throws {
        let reactor = try Reactor(options: .forTests)
        var pair: [OpaquePointer?] = [nil, nil]
        #expect(bufferevent_pair_new(reactor.eventBase, 0, &pair) == 0)
        let (left, right) = (Recorder(), Recorder.echo())
        left.onMade = { me in me.transport.write("there and back") }
        left.onData = { me, _ in if me.received.count == 14 { me.transport.loseConnection() } }
        right.onLost = { me in me.reactor.callLater(.zero) { try me.reactor.stop() } }
        try reactor.adopt(bufferEvent: pair[0], protocol: left)
        try reactor.adopt(bufferEvent: pair[1], protocol: right)
        try reactor.runWatched()
        #expect(left.receivedText == "there and back")
        #expect(left.reason is ConnectionDone && right.reason is ConnectionDone)
    }

    @Test("I2: one of a pair whose other one is gone is refused")
    func orphan() throws {
        let reactor = try Reactor(options: .forTests)
        var pair: [OpaquePointer?] = [nil, nil]
        #expect(bufferevent_pair_new(reactor.eventBase, 0, &pair) == 0)
        bufferevent_free(pair[1])
        #expect(throws: CannotAdoptBufferEventError(.noOtherEnd)) {
            try reactor.adopt(bufferEvent: pair[0], protocol: Protocol())
        }
        bufferevent_free(pair[0])
    }

    @Test("W4: when what waits for the other one of a pair goes nowhere, for that is freed, the limit finds it out")
    func orphanWithOutput() throws {
        var options = Reactor.Options.forTests
        options.closeLimit = .milliseconds(50)
        let reactor = try Reactor(options: options)
        var pair: [OpaquePointer?] = [nil, nil]
        #expect(bufferevent_pair_new(reactor.eventBase, 0, &pair) == 0)
        let subject = Recorder()
        subject.onMade = { me in
            me.transport.write("for nobody")
            me.transport.loseConnection()
            me.reactor.callLater(.zero) { bufferevent_free(pair[1]) }
        }
        subject.onLost = { me in try? me.reactor.stop() }
        try reactor.adopt(bufferEvent: pair[0], protocol: subject)
        try reactor.runWatched()
        #expect(subject.reason is ConnectionLost, "\(subject.reason as Any)")
    }

    @Test(
        "R4: a stopping reactor has one of a pair send all it has to, and the other one hears of the end",
        arguments: ["paused", "with a producer"])
    func pairStopped(how: String) throws {
        let reactor = try Reactor(options: .forTests)
        var pair: [OpaquePointer?] = [nil, nil]
        #expect(bufferevent_pair_new(reactor.eventBase, 0, &pair) == 0)
        let far = try CProgram(pair[1])
        far.onRead = { far in far.take() }
        // Or it would take all at once.
        bufferevent_setwatermark(far.raw, Int16(EV_READ), 0, 4096)
        bufferevent_enable(far.raw, Int16(EV_READ))
        let subject = Recorder()
        let producer = CountingProducer(pieces: 10, size: 10_000)
        subject.onMade = { me in
            producer.transport = me.transport
            if how == "paused" {
                me.transport.pauseProducing()
            } else {
                try me.transport.registerProducer(producer, streaming: false)
            }
            me.transport.write([UInt8](repeating: 65, count: 100_000))
            try me.reactor.stop()
        }
        try reactor.adopt(bufferEvent: pair[0], protocol: subject)
        try reactor.runWatched()
        // What libevent has deferred.
        event_base_loop(reactor.eventBase, EVLOOP_NONBLOCK)
        #expect(subject.events == [.made, .lost])
        #expect(subject.reason is ConnectionDone)
        #expect(far.take().utf8.count == 100_000 + producer.written)
        #expect(producer.written == (how == "paused" ? 0 : 100_000))
        #expect(far.events == [BEV_EVENT_EOF | BEV_EVENT_READING])
        bufferevent_free(far.raw)
    }

    @Test("I2: one of a pair goes back to C, which hears of the end")
    func pairDetached() throws {
        let reactor = try Reactor(options: .forTests)
        var pair: [OpaquePointer?] = [nil, nil]
        #expect(bufferevent_pair_new(reactor.eventBase, 0, &pair) == 0)
        let ours = try CProgram(pair[0])
        bufferevent_enable(ours.raw, Int16(EV_READ))
        let (subject, other) = (Recorder(), Recorder())
        subject.onData = { me, _ in
            let returned = try me.transport.detachBufferEvent()
            #expect(returned == ours.raw)
            other.transport.loseConnection()
        }
        other.onMade = { me in me.transport.write("x") }
        other.onLost = { me in me.reactor.callLater(.milliseconds(5)) { try me.reactor.stop() } }
        try reactor.adopt(bufferEvent: ours.raw, protocol: subject)
        try reactor.adopt(bufferEvent: pair[1], protocol: other)
        try reactor.runWatched()
        #expect(subject.events == [.made, .data([UInt8(ascii: "x")])])
        #expect(ours.events == [BEV_EVENT_EOF | BEV_EVENT_READING])
        bufferevent_free(ours.raw)
    }
}
