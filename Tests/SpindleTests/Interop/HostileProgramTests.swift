import CLibEvent
import CLibEventHTTP
import Glibc
import SpindleEvHTTP
import Testing

@testable import Spindle

/// What a C program may do at the worst of moments.
@Suite(.ownThreads) struct HostileProgramTests {
    // MARK: - Detaching

    @Test(
        "I2: what a protocol was to take over goes back to C with the bufferevent, before and in its connectionMade",
        arguments: [false, true])
    func detachedWhileSwitching(inConnectionMade: Bool) throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, peer) = try CProgram.pair(on: reactor)
        let (subject, successor) = (Recorder(), Recorder())
        subject.unused = Array("kept ".utf8)
        subject.onData = { me, data in
            "rest ".withRawSpan { me.transport.switchProtocol(to: successor, handingOver: $0) }
            if !inConnectionMade { _ = try me.transport.detachBufferEvent() }
            me.reactor.callLater(.milliseconds(5)) { try me.reactor.stop() }
        }
        successor.onMade = { me in _ = try me.transport.detachBufferEvent() }
        try reactor.adopt(bufferEvent: ours.raw, protocol: subject)
        try peer.send("x")
        try reactor.runWatched()
        #expect(successor.events == (inConnectionMade ? [.made] : []) && subject.losses == 0)
        #expect(ours.unread == "rest kept ")
        ours.free()
        peer.close()
    }

    @Test(
        "I2: C is told of an end that its bufferevent has told already, and nobody has heard", arguments: [true, false])
    func endBeforeDetaching(inConnectionMade: Bool) throws {
        let reactor = try Reactor(options: .forTests)
        var pair: [OpaquePointer?] = [nil, nil]
        #expect(bufferevent_pair_new(reactor.eventBase, 0, &pair) == 0)
        let ours = try CProgram(pair[0])
        bufferevent_enable(ours.raw, Int16(EV_READ | EV_WRITE))
        bufferevent_enable(pair[1], Int16(EV_READ | EV_WRITE))
        let subject = Recorder()
        subject.onMade = { me in
            me.reactor.callLater(.milliseconds(20)) { try me.reactor.stop() }
            if inConnectionMade { _ = try me.transport.detachBufferEvent(); return }
            me.transport.pauseProducing()
            me.reactor.callLater(.milliseconds(5)) { _ = try me.transport.detachBufferEvent() }
        }
        reactor.callWhenRunning {
            bufferevent_write(pair[1], "last", 4)
            bufferevent_flush(pair[1], Int16(EV_WRITE), BEV_FINISHED)
            try reactor.adopt(bufferEvent: ours.raw, protocol: subject)
        }
        try reactor.runWatched()
        #expect(subject.events == [.made])
        #expect(ours.unread == "last")
        #expect(ours.events == [BEV_EVENT_EOF | BEV_EVENT_READING])
        bufferevent_free(ours.raw)
        bufferevent_free(pair[1])
    }

    @Test("I2: a socket's end, too, when it comes between adopting and connectionMade")
    func socketEndBeforeDetaching() throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, peer) = try CProgram.pair(on: reactor)
        let subject = Recorder()
        subject.onMade = { me in
            me.reactor.callLater(.milliseconds(20)) { try me.reactor.stop() }
            me.transport.pauseProducing()
            me.reactor.callLater(.milliseconds(5)) { _ = try me.transport.detachBufferEvent() }
        }
        reactor.callWhenRunning {
            try reactor.adopt(bufferEvent: ours.raw, protocol: subject)
            try peer.send("last")
            peer.close()
        }
        try reactor.runWatched()
        #expect(ours.unread == "last")
        #expect(ours.events == [BEV_EVENT_EOF | BEV_EVENT_READING])
        ours.free()
    }

    @Test("I2: detached by a producer that is resumed, with a backlog, and adopted again at once, over and over")
    func detachedByProducer() throws {
        final class Leaver: Producer {
            var onResume: () -> Void = {}
            var isPaused = false
            var stops = 0
            func pauseProducing() { isPaused = true }
            func resumeProducing() { onResume() }
            func stopProducing() { stops += 1 }
        }
        let reactor = try Reactor(options: .forTests)
        let (ours, peer) = try CProgram.pair(on: reactor)
        let last = Recorder()
        let leavers = (0..<4).map { _ in Leaver() }
        var expected: [UInt8] = []
        func adopt(_ number: Int) throws {
            guard number < leavers.count else {
                last.onMade = { me in me.transport.loseConnection() }
                last.onLost = { me in try? me.reactor.stop() }
                try reactor.adopt(bufferEvent: ours.raw, protocol: last)
                return
            }
            let subject = Recorder()
            subject.onMade = { me in
                let leaver = leavers[number]
                me.transport.waterMarks = WaterMarks(low: 100_000, high: 200_000)
                try me.transport.registerProducer(leaver, streaming: true)
                leaver.onResume = { [unowned leaver] in
                    leaver.onResume = {}
                    do {
                        #expect(try me.transport.detachBufferEvent() == ours.raw)
                        try adopt(number + 1)
                    } catch { Issue.record(error) }
                }
                let piece = [UInt8](repeating: UInt8(97 + number), count: 1_000_000)
                while !leaver.isPaused {
                    me.transport.write(piece)
                    expected += piece
                }
            }
            try reactor.adopt(bufferEvent: ours.raw, protocol: subject)
        }
        try adopt(0)
        let received = Lock<[UInt8]>([])
        let reader = ScriptThread {
            let all = (try? peer.receiveToEnd()) ?? []
            received.withLock { $0 = all }
        }
        try reactor.runWatched()
        reader.join()
        #expect(received.withLock { $0 == expected })
        #expect(leavers.map(\.stops) == [1, 1, 1, 1])
        #expect(last.events == [.made, .lost])
    }

    @Test("I2: a rate limit of C's is there again")
    func limitOfC() throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, peer) = try CProgram.pair(on: reactor)
        var tick = timeval(tv_sec: 0, tv_usec: 10_000)
        let buckets = ev_token_bucket_cfg_new(1000, 1000, 1000, 1000, &tick)
        #expect(bufferevent_set_rate_limit(ours.raw, buckets) == 0)
        let subject = Recorder()
        subject.onMade = { me in
            me.transport.rateLimit = RateLimit(read: 5)
            me.reactor.callLater(.zero) {
                _ = try me.transport.detachBufferEvent()
                try me.reactor.stop()
            }
        }
        try reactor.adopt(bufferEvent: ours.raw, protocol: subject)
        try reactor.runWatched()
        #expect(bufferevent_get_token_bucket_cfg(ours.raw) == buckets)
        ours.free()
        ev_token_bucket_cfg_free(buckets)
        peer.close()
    }

    // MARK: - Invalidating

    enum Moment: CaseIterable {
        case startup, beforeShutdown, duringShutdown, afterShutdown
        case connectionMade, dataReceived, connectionLost, build, timer, call, task, watch, stopFactory, ofC, request
    }

    @Test("I1: invalidated at any moment it is gone, with all that was there", arguments: Moment.allCases)
    func invalidated(at moment: Moment) throws {
        let host = HostProgram()
        weak var kept: Reactor?
        let server = try CHTTPServer(host.base)
        var peers: [Peer] = []
        let subject = Recorder()
        func leave(at now: Moment) { if now == moment { kept?.invalidate() } }
        do {
            let reactor = try host.adopt()
            kept = reactor
            func on(_ now: Moment, _ phase: SystemEventPhase, _ event: SystemEvent) {
                reactor.addSystemEventTrigger(phase, event) { leave(at: now) }
            }
            on(.startup, .during, .startup)
            on(.beforeShutdown, .before, .shutdown)
            on(.duringShutdown, .during, .shutdown)
            on(.afterShutdown, .after, .shutdown)
            let (ours, peer) = try CProgram.pair(on: reactor, options: BEV_OPT_CLOSE_ON_FREE)
            peers.append(peer)
            subject.onMade = { me in
                me.transport.rateLimitGroup = RateLimitGroup(me.reactor, RateLimit(read: 1 << 20))
                leave(at: .connectionMade)
            }
            subject.onData = { _, _ in leave(at: .dataReceived) }
            subject.onLost = { _ in leave(at: .connectionLost) }
            try reactor.adopt(bufferEvent: ours.raw, protocol: subject)
            try peer.send("x")
            final class Leaver: Factory {
                var onBuild = {}
                var onStop = {}
                override func buildProtocol(_ address: SocketAddress) -> Protocol? { onBuild(); return Recorder() }
                override func stopFactory() { onStop() }
            }
            let factory = Leaver()
            factory.onBuild = { leave(at: .build) }
            factory.onStop = { leave(at: .stopFactory) }
            let port = try reactor.listenTCP(0, factory, interface: "127.0.0.1")
            peers.append(try Peer.connect(to: port.address))
            reactor.callLater(.milliseconds(1)) { leave(at: .timer) }
            reactor.inNextPass { leave(at: .call) }
            reactor.spawn { [weak reactor] in
                guard let wait = reactor?.sleep(.milliseconds(1)) else { return }
                try await wait.value()
                leave(at: .task)
            }.addErrback { _ in }
            reactor.spawn { [weak reactor] in try await reactor?.sleep(.seconds(100)).value() }.addErrback { _ in }
            reactor.deferToThread { usleep(2000) }.addErrback { _ in }
            let (watched, writer) = try Peer.pair()
            peers += [watched, writer]
            try writer.send("y")
            try reactor.watch(watched.descriptor, .read) {
                _ = try watched.receiveSome()
                leave(at: .watch)
            }
            try reactor.mount(on: server.raw, path: "/") { _ in
                leave(at: .request)
                return Deferred<EvHTTPResponse>()
            }
            let client = try server.connect()
            peers.append(client)
            try client.send("GET / HTTP/1.0\r\n\r\n")
            host.after(milliseconds: 2) { leave(at: .ofC) }
            reactor.callLater(.milliseconds(5)) { [weak reactor] in
                switch moment {
                case .stopFactory: port.stopListening()
                case .connectionLost: subject.transport.abortConnection()
                case .beforeShutdown, .duringShutdown, .afterShutdown: try reactor?.stop()
                // The others come by themselves, however slow the machine is.
                default: break
                }
            }
        }
        let end = ContinuousClock.now + .seconds(30)
        while kept?.wasInvalidated == false, ContinuousClock.now < end { host.poll() }
        #expect(kept?.wasInvalidated != false)
        server.free()
        while host.eventCount > 0, ContinuousClock.now < end { host.poll() }
        #expect(host.eventCount == 0)
        #expect(subject.losses <= 1 && subject.losses == subject.events.count { $0 == .made })
        for peer in peers { peer.close() }
        host.free()
    }

    @Test("I1: the last reference may go when it is invalidated at the end of its stopping", arguments: [false, true])
    func lastReferenceAfterStopping(whileCleaningUp: Bool) throws {
        let host = HostProgram()
        weak var kept: Reactor?
        do {
            let reactor = try host.adopt()
            kept = reactor
            reactor.addSystemEventTrigger(.after, .shutdown) {
                if whileCleaningUp { kept?.inNextPass { kept?.invalidate() } } else { kept?.invalidate() }
            }
            reactor.callLater(.zero) { try kept?.stop() }
        }
        #expect(host.dispatch() == 1)
        #expect(kept == nil)
        #expect(host.eventCount == 0)
        host.free()
    }

    @Test("I1: a request whose mount has been taken off is told, too, that there will be no answer")
    func unmountedBeforeLeaving() throws {
        let host = HostProgram()
        let server = try CHTTPServer(host.base)
        let reactor = try host.adopt()
        var requests = 0
        let mount = try reactor.mount(on: server.raw, path: "/", limit: nil) { _ in
            requests += 1
            return Deferred<EvHTTPResponse>()
        }
        let peer = try server.connect()
        try peer.send("GET / HTTP/1.0\r\n\r\n")
        for _ in 0..<10_000 where requests == 0 { host.poll() }
        mount.unmount()
        reactor.invalidate()
        for _ in 0..<1000 { host.poll() }
        var watched = pollfd(fd: peer.descriptor, events: Int16(POLLIN), revents: 0)
        #expect(poll(&watched, 1, 0) == 1)
        if watched.revents != 0 {
            #expect(String(decoding: try peer.receiveToEnd(), as: UTF8.self).hasPrefix("HTTP/1.0 503 "))
        }
        server.free()
        host.free()
    }

    // MARK: - Loops

    @Test("I1: C runs one base inside a callback of another: two reactors on one thread, nested")
    func nested() throws {
        let (outer, inner) = (HostProgram(), HostProgram())
        let (first, second) = (try outer.adopt(), try inner.adopt())
        let (ours, peer) = try CProgram.pair(on: first, options: BEV_OPT_CLOSE_ON_FREE)
        let (theirs, other) = try CProgram.pair(on: second, options: BEV_OPT_CLOSE_ON_FREE)
        let (subject, nested) = (Recorder(), Recorder.echo())
        var notes: [String] = []
        subject.onData = { me, data in
            notes.append("in")
            inner.dispatch()
            notes.append("out")
            #expect(String(decoding: data) == "ping")
            me.transport.write("pong")
        }
        try second.adopt(bufferEvent: theirs.raw, protocol: nested)
        second.spawn {
            try await second.sleep(.milliseconds(1)).value()
            notes.append("task")
            // The outer one is inside a callback: it waits.
            first.callLater(.zero) { notes.append("later") }
            subject.transport.write("from inside ")
        }.addErrback { _ = Issue.record($0) }
        first.spawn {
            try await first.sleep(.milliseconds(1)).value()
            notes.append("outer task")
            second.spawn { notes.append("at once") }
            inner.dispatch()
        }.addErrback { _ = Issue.record($0) }
        try first.adopt(bufferEvent: ours.raw, protocol: subject)
        try peer.send("ping")
        try other.send("echo")
        other.finishSending()
        outer.after(milliseconds: 50) { outer.exit() }
        outer.dispatch()
        #expect(try other.receiveToEnd() == Array("echo".utf8))
        #expect(try peer.receiveText(16) == "from inside pong")
        #expect(notes.prefix(3) == ["in", "task", "out"] || notes.contains("outer task"))
        #expect(notes.contains("later") && notes.contains("at once"))
        first.invalidate()
        second.invalidate()
        outer.free()
        inner.free()
        peer.close()
    }

    @Test("I1: C's first callback on the thread that dispatches may call Swift, whoever has made the reactor")
    func firstCallback() throws {
        let host = HostProgram()
        let reactor = try host.adopt()
        let (watched, writer) = try Peer.pair()
        try writer.send("x")
        let handle = reactor.handle
        let notes = Notes<Bool>()
        host.whenReadable(watched.descriptor) {
            _ = try? watched.receiveSome()
            notes.add(handle.isCurrent)
        }
        host.once { notes.add(handle.isCurrent) }
        nonisolated(unsafe) let everything = (host, reactor)
        ScriptThread {
            let (host, reactor) = everything
            event_base_loop(host.base, EVLOOP_ONCE)
            reactor.invalidate()
        }.join()
        #expect(notes.all == [true, true])
        host.free()
    }

    @Test("R5: C's own signal events outlive a handler of the reactor's for the same signal")
    func signals() throws {
        let host = HostProgram()
        let reactor = try host.adopt()
        var (ours, theirs) = (0, 0)
        let handler = try reactor.addSignalHandler(SIGWINCH) { ours += 1 }
        host.onSignal(SIGWINCH) { theirs += 1 }
        reactor.removeSignalHandler(handler)
        kill(getpid(), SIGWINCH)
        let end = ContinuousClock.now + .seconds(5)
        while theirs == 0, ContinuousClock.now < end { host.poll() }
        #expect(theirs == 1)
        #expect(ours == 0)
        reactor.invalidate()
        host.free()
    }

    // MARK: - Random

    @Test(
        "I2: whatever C and Swift do to a pair, no byte is lost or swapped, and each end is told once",
        arguments: 1...60)
    func randomPair(seed: UInt64) throws {
        var state = seed &* 0x9E37_79B9_7F4A_7C15
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let host = HostProgram()
        let reactor = try host.adopt()
        var pair: [OpaquePointer?] = [nil, nil]
        let onSockets = seed % 2 == 0
        if onSockets {
            var ends: [CInt] = [-1, -1]
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0, &ends)
            let options =
                Int32(BEV_OPT_CLOSE_ON_FREE.rawValue) | (seed % 4 == 0 ? Int32(BEV_OPT_DEFER_CALLBACKS.rawValue) : 0)
            pair = ends.map { bufferevent_socket_new(host.base, $0, options) }
        } else {
            bufferevent_pair_new(host.base, 0, &pair)
        }
        let (ours, far) = (try CProgram(pair[0]), try CProgram(pair[1]))
        for end in [ours, far] { bufferevent_enable(end.raw, Int16(EV_READ | EV_WRITE)) }
        far.onRead = { $0.take() }
        ours.onRead = { _ in }
        var sentByFar = "", sentByOurs = "", seen = ""
        var current: Recorder?
        var transport: Transport?
        var made = 0, lost = 0, counter = 0
        func word() -> String {
            counter += 1
            return String(repeating: "\(counter),", count: 1 + random(random(10) == 0 ? 20_000 : 3))
        }
        func act(_ transport: Transport) throws {
            switch random(10) {
            case 0: transport.pauseProducing()
            case 1, 2: transport.resumeProducing()
            case 3, 4, 5: let text = word(); transport.write(text); sentByOurs += text
            case 6: let text = word(); ours.write(text); sentByOurs += text
            case 7:
                transport.rateLimit =
                    random(2) == 0 ? nil : RateLimit(read: 10_000_000, write: 10_000_000, tick: .milliseconds(1))
            case 8: transport.waterMarks = WaterMarks(low: random(1000), high: 1000 + random(1000))
            default: break
            }
        }
        func detach(_ from: Recorder) throws {
            current = nil
            #expect(try transport?.detachBufferEvent() == ours.raw)
            seen += from.receivedText
        }
        func adopt() throws {
            let subject = Recorder()
            current = subject
            subject.onMade = { me in
                made += 1
                try act(me.transport)
                if random(8) == 0 { try detach(me); if random(2) == 0 { try adopt() } }
            }
            subject.onData = { me, _ in
                try act(me.transport)
                if random(8) == 0 { try detach(me); if random(2) == 0 { try adopt() } }
            }
            subject.onLost = { me in
                lost += 1; if current === me { seen += me.receivedText }; current = nil
            }
            transport = try reactor.adopt(bufferEvent: ours.raw, protocol: subject)
        }
        for _ in 0..<200 {
            switch random(8) {
            case 0: if current == nil { try adopt() }
            case 1: if let current, random(3) == 0 { try detach(current) }
            case 2: if current != nil, let transport { try act(transport) }
            case 3, 4: let text = word(); far.write(text); sentByFar += text
            case 5: bufferevent_disable(far.raw, Int16(EV_READ))
            case 6: bufferevent_enable(far.raw, Int16(EV_READ))
            default:
                if current == nil {
                    seen += ours.unread; evbuffer_drain(bufferevent_get_input(ours.raw), ours.unread.utf8.count)
                }
            }
            if random(2) == 0 { host.poll() }
        }
        bufferevent_enable(far.raw, Int16(EV_READ))
        if current == nil { try adopt() }
        let last = try #require(current)
        let lastTransport = try #require(transport)
        (last.onMade, last.onData) = ({ _ in made += 1 }, { _, _ in })
        lastTransport.rateLimit = nil
        lastTransport.resumeProducing()
        let end = ContinuousClock.now + .seconds(5)
        while seen + last.receivedText != sentByFar || far.taken != sentByOurs, ContinuousClock.now < end {
            lastTransport.resumeProducing()
            host.poll()
        }
        #expect(seen + last.receivedText == sentByFar)
        #expect(far.taken == sentByOurs)
        if onSockets {
            bufferevent_free(far.raw)
        } else {
            bufferevent_flush(far.raw, Int16(EV_WRITE), BEV_FINISHED)
        }
        while last.losses == 0, ContinuousClock.now < end { host.poll() }
        #expect(last.losses == 1 && lost == 1)
        #expect(last.reason is ConnectionDone)
        if !onSockets { bufferevent_free(far.raw) }
        reactor.invalidate()
        host.poll()
        #expect(host.eventCount == 0)
        host.free()
    }
}
