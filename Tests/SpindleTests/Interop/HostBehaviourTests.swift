import CLibEvent
import Glibc
import Spindle
import Testing

/// What C programs do with their loops, after libevent's own regression tests, with a reactor on the base (rule I1).
@Suite(.ownThreads) struct HostBehaviourTests {
    /// A connection of the reactor's, and what it has received.
    private static func connect(_ reactor: Reactor) throws -> (recorder: Recorder, peer: Peer) {
        let recorder = Recorder.echo()
        return (recorder, try recorder.serveOneOfAPair(on: reactor))
    }

    private func withHost(
        _ host: HostProgram = HostProgram(), _ body: (HostProgram, Reactor, Recorder, Peer) throws -> Void
    ) throws {
        let reactor = try host.adopt()
        let (recorder, peer) = try Self.connect(reactor)
        while recorder.events.isEmpty { host.poll() }
        try body(host, reactor, recorder, peer)
        reactor.invalidate()
        #expect(host.eventCount == 0)
        peer.close()
        host.free()
    }

    @Test("I1: loopbreak leaves what was ready for the next dispatch, and loses nothing of it")
    func loopbreak() throws {
        try withHost { host, reactor, recorder, peer in
            for round in 1...10 {
                try peer.send("x")
                reactor.inNextPass { event_base_loopbreak(host.base) }
                while recorder.received.count < round { #expect(host.dispatch() == 0) }
                #expect(try peer.receive(1).count == 1)
            }
        }
    }

    @Test("I1: loopexit with a time, and another one inside it: the reactor serves until then")
    func loopexit() throws {
        try withHost { host, _, recorder, peer in
            var soon = timeval(tv_sec: 0, tv_usec: 20_000)
            event_base_loopexit(host.base, &soon)
            host.after(milliseconds: 5) { event_base_loopexit(host.base, &soon) }
            try peer.send("x")
            #expect(host.dispatch() == 0)
            #expect(recorder.received.count == 1)
            #expect(host.dispatch() == 0)
        }
    }

    @Test("I1: a dispatch inside a callback is refused by libevent, as always, and harms nothing")
    func reentrantDispatch() throws {
        try withHost { host, reactor, recorder, peer in
            var result: CInt?
            recorder.onData = { me, data in
                event_set_log_callback { _, _ in }
                result = host.dispatch()
                event_set_log_callback(nil)
                me.transport.write(data)
            }
            try peer.send("x")
            while result == nil { host.poll() }
            #expect(result == -1)
            #expect(try peer.receive(1).count == 1)
        }
    }

    @Test("I1: loops that wait for nothing, or for one pass, or have nothing left but the reactor's events")
    func loopFlags() throws {
        for flags in [
            EVLOOP_NONBLOCK, EVLOOP_ONCE, EVLOOP_ONCE | EVLOOP_NONBLOCK, EVLOOP_NO_EXIT_ON_EMPTY | EVLOOP_ONCE,
        ] {
            try withHost { host, reactor, recorder, peer in
                var isCalled = false
                reactor.callLater(.milliseconds(3)) { isCalled = true }
                try peer.send("x")
                while recorder.received.isEmpty || !isCalled { event_base_loop(host.base, flags) }
                #expect(try peer.receive(1).count == 1)
            }
        }
    }

    @Test(
        "I1: every way to configure a base",
        arguments: [
            EVENT_BASE_FLAG_NOLOCK, EVENT_BASE_FLAG_NO_CACHE_TIME, EVENT_BASE_FLAG_PRECISE_TIMER,
            EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST,
        ].map(\.rawValue))
    func configurations(_ flag: UInt32) throws {
        try withHost(HostProgram(flags: CInt(flag))) { host, reactor, recorder, peer in
            let start = reactor.seconds
            var end: Double?
            reactor.callLater(.milliseconds(5)) { end = reactor.seconds }
            // Paused, so that it leaves the base, and comes back.
            recorder.onData = { me, data in
                me.transport.write(data)
                me.transport.pauseProducing()
                reactor.callLater(.zero) { me.transport.resumeProducing() }
            }
            for round in 1...20 {
                try peer.send("x")
                while recorder.received.count < round { host.poll() }
                #expect(try peer.receive(1).count == 1)
            }
            while end == nil { event_base_loop(host.base, EVLOOP_ONCE) }
            #expect(end.map { $0 - start >= 0.005 } == true)
        }
    }

    @Test("I1: a base that looks around after every callback")
    func dispatchInterval() throws {
        let host = HostProgram {
            var interval = timeval(tv_sec: 0, tv_usec: 1)
            event_config_set_max_dispatch_interval($0, &interval, 1, 0)
        }
        try withHost(host) { host, reactor, recorder, peer in
            try peer.send("x")
            var calls = 0
            for _ in 0..<10 { reactor.inNextPass { calls += 1 } }
            while recorder.received.isEmpty || calls < 10 { host.poll() }
        }
    }

    @Test("I1: on a base with priorities the reactor is served whenever nothing more important is ready")
    func priorities() throws {
        let host = HostProgram()
        #expect(event_base_priority_init(host.base, 4) == 0)
        try withHost(host) { host, reactor, recorder, peer in
            var order: [String] = []
            // More important than the reactor, and ready in the same pass.
            let (urgent, other) = try Peer.pair()
            let event = host.whenReadable(urgent.descriptor, priority: 0) {
                _ = try? urgent.receive(1)
                order.append("urgent")
            }
            recorder.onData = { _, _ in order.append("reactor") }
            try peer.send("x")
            try other.send("x")
            while order.count < 2 { host.poll() }
            #expect(order == ["urgent", "reactor"])
            event_del(event)
            urgent.close()
            other.close()
        }
    }

    @Test("I1: C's timers in common queues, one-shot events and the reactor's timers each have their turn")
    func commonTimeouts() throws {
        try withHost { host, reactor, _, _ in
            var delay = timeval(tv_sec: 0, tv_usec: 3000)
            let common = event_base_init_common_timeout(host.base, &delay)
            var fired = Set<String>()
            let event = host.after(milliseconds: 10_000) { fired.insert("common") }
            event_add(event, common)
            host.once { fired.insert("once") }
            reactor.callLater(.milliseconds(3)) { fired.insert("reactor") }
            while fired.count < 3 { event_base_loop(host.base, EVLOOP_ONCE) }
        }
    }

    @Test("I1: a signal event of C's on the same base, which comes while a callback of the reactor's runs")
    func signals() throws {
        try withHost { host, reactor, recorder, peer in
            var order: [String] = []
            let event = host.onSignal(SIGWINCH) { order.append("C") }
            recorder.onData = { _, _ in
                kill(getpid(), SIGWINCH)
                order.append("reactor")
            }
            try peer.send("x")
            while order.count < 2 { host.poll() }
            #expect(order == ["reactor", "C"])
            event_del(event)
        }
    }

    @Test("I1: C removes and frees its own events in a callback of the reactor's, also such as are ready")
    func freeingEvents() throws {
        try withHost { host, _, recorder, peer in
            let (mine, other) = try Peer.pair()
            var fired = 0
            let event = host.whenReadable(mine.descriptor) { fired += 1 }
            recorder.onData = { _, _ in event_del(event) }
            try peer.send("x")
            try other.send("x")
            while recorder.received.isEmpty { host.poll() }
            let before = fired
            for _ in 0..<5 { host.poll() }
            #expect(fired == before)
            #expect(fired <= 1)
            mine.close()
            other.close()
        }
    }

    @Test("I1: two hundred connections beside two hundred events of C's")
    func manyEvents() throws {
        let host = HostProgram()
        let reactor = try host.adopt()
        let pairs = try (0..<200).map { _ in try Peer.pair() }
        let connections = try (0..<200).map { _ in try Self.connect(reactor) }
        var fired = 0
        for (mine, _) in pairs {
            host.whenReadable(mine.descriptor) {
                _ = try? mine.receive(1)
                fired += 1
            }
        }
        for (_, other) in pairs { try other.send("x") }
        for (_, peer) in connections { try peer.send("x") }
        while fired < 200 || connections.contains(where: { $0.recorder.received.isEmpty }) { host.poll() }
        reactor.invalidate()
        #expect(host.eventCount == 200)
        for (_, peer) in connections { peer.close() }
        for (mine, other) in pairs {
            mine.close()
            other.close()
        }
        host.free()
    }

    @Test("I1: a copy of a connection's descriptor that C watches as well")
    func copiedDescriptor() throws {
        try withHost { host, _, recorder, peer in
            guard let descriptor = recorder.transport.fileDescriptor else { throw SystemError(EBADF, "fileDescriptor") }
            let copy = dup(descriptor)
            var fired = 0
            let event = host.whenReadable(copy) { fired += 1 }
            try peer.send("x")
            while recorder.received.isEmpty || fired == 0 { host.poll() }
            event_del(event)
            close(copy)
            #expect(try peer.receive(1).count == 1)
        }
    }
}
