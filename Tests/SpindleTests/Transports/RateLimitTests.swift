import CLibEvent
import Glibc
import Testing

@testable import Spindle

/// Rates are looked at by what goes within a number of ticks: faster than allowed is wrong, slower is the machine's affair. That
/// the rules of the contract hold under a limit the contract suites see to (`tcp4RateLimited`).
@Suite(.ownThreads) struct RateLimitTests {
    private static let tick: Duration = .milliseconds(10)

    /// What may have gone in a time at so many bytes a tick, with what may go at once and a clock that is some ticks off.
    private static func most(_ perTick: Int, since start: ContinuousClock.Instant) -> Int {
        (Int((ContinuousClock.now - start) / tick) + 4) * perTick
    }

    /// Runs `script` with connections accepted by a port, each with its peer.
    private static func run(
        _ count: Int = 1, options: Reactor.Options = .forTests, setUp: (Reactor, ListeningPort) -> Void = { _, _ in },
        _ script: nonisolated(nonsending) @escaping (Reactor, [Recorder], [Peer]) async throws -> Void
    ) throws {
        let reactor = try Reactor(options: options)
        let guests = Guests()
        guests.onBuild = { $0.onData = { _, _ in } }
        let port = try reactor.listenTCP(0, guests, interface: "127.0.0.1")
        setUp(reactor, port)
        try reactor.run { [unowned reactor] in
            var peers: [Peer] = []
            for number in 1...count {
                peers.append(try Peer.connect(to: port.address))
                try await reactor.until { guests.all.count == number }
            }
            try await script(reactor, guests.all, peers)
            for guest in guests.all { guest.transport.abortConnection() }
        }
        guests.letGo()
    }

    @Test("what is sent goes no faster than allowed, and all of it goes", arguments: [false, true])
    func writing(isGroup: Bool) throws {
        try Self.run { reactor, guests, peers in
            let limit = RateLimit(write: 100_000, tick: Self.tick)
            let transport = guests[0].transport
            let start = ContinuousClock.now
            if isGroup {
                transport.rateLimitGroup = RateLimitGroup(reactor, limit)
            } else {
                transport.rateLimit = limit
            }
            transport.write([UInt8](repeating: 7, count: 15_000))
            var received = 0
            while received < 15_000 {
                try await reactor.until { peers[0].sight != .nothing }
                received += try peers[0].receiveSome().count
                #expect(received <= Self.most(1000, since: start))
            }
            #expect(ContinuousClock.now - start >= .milliseconds(100))
        }
    }

    @Test("what is received comes no faster than allowed, and all of it comes", arguments: [false, true])
    func reading(isGroup: Bool) throws {
        try Self.run { reactor, guests, peers in
            let limit = RateLimit(read: 100_000, tick: Self.tick)
            let start = ContinuousClock.now
            let transport = guests[0].transport
            if isGroup {
                transport.rateLimitGroup = RateLimitGroup(reactor, limit)
            } else {
                transport.rateLimit = limit
            }
            guests[0].onData = { me, _ in #expect(me.received.count <= Self.most(1000, since: start)) }
            try peers[0].send(15_000, of: .reference)
            try await reactor.until { guests[0].received.count == 15_000 }
            #expect(guests[0].received == Peer.Pattern.reference.repeated(to: 15_000))
            #expect(ContinuousClock.now - start >= .milliseconds(100))
        }
    }

    @Test("a burst goes at once after a quiet time, and no more than that")
    func burst() throws {
        try Self.run { reactor, guests, peers in
            guests[0].transport.rateLimit = RateLimit(write: 1000, writeBurst: 20, tick: Self.tick)
            try await reactor.sleep(.milliseconds(100)).value()
            guests[0].transport.write([UInt8](repeating: 7, count: 30))
            try await reactor.until { peers[0].sight != .nothing }
            #expect(try peers[0].receiveSome().count == 20)
            #expect(try await Self.receive(10, peers[0], reactor) == 10)
        }
    }

    private static func receive(
        _ count: Int, _ peer: Peer, _ reactor: Reactor, isolation: isolated (any Actor)? = #isolation
    ) async throws -> Int {
        var received = 0
        while received < count {
            try await reactor.until { peer.sight != .nothing }
            received += try peer.receiveSome().count
        }
        return received
    }

    @Test("a limit may be changed and removed at any time")
    func changing() throws {
        try Self.run { reactor, guests, peers in
            let transport = guests[0].transport
            #expect(transport.rateLimit == nil)
            let slow = RateLimit(read: 1, write: 1)
            transport.rateLimit = slow
            #expect(transport.rateLimit == slow)
            transport.write([UInt8](repeating: 7, count: 1 << 20))
            try peers[0].send(100_000, of: .reference)
            for _ in 0..<5 { try await reactor.sleep(.milliseconds(1)).value() }
            #expect(guests[0].received.count <= 2)
            transport.rateLimit = RateLimit(read: 1 << 30, write: 1 << 30)
            try await reactor.until { guests[0].received.count == 100_000 }
            transport.rateLimit = nil
            #expect(transport.rateLimit == nil)
            #expect(try await Self.receive(1 << 20, peers[0], reactor) == 1 << 20)
        }
    }

    @Test("members of a group share; each may have a limit of its own as well; what went is counted")
    func sharing() throws {
        try Self.run(3) { reactor, guests, peers in
            let group = RateLimitGroup(reactor, RateLimit(write: 100_000, tick: Self.tick))
            let start = ContinuousClock.now
            for guest in guests {
                guest.transport.rateLimitGroup = group
                #expect(guest.transport.rateLimitGroup === group)
                guest.transport.write([UInt8](repeating: 7, count: 5000))
            }
            guests[2].transport.rateLimit = RateLimit(write: 1, tick: Self.tick)
            #expect(group.memberCount == 3)
            var received = [0, 0, 0]
            while received[0] < 5000 || received[1] < 5000 {
                try await reactor.sleep(.milliseconds(1)).value()
                for (number, peer) in peers.enumerated() where peer.sight != .nothing {
                    received[number] += try peer.receiveSome().count
                }
                // Each may have gone over by the least share.
                #expect(received.reduce(0, +) <= Self.most(1000 + 3 * 64, since: start))
            }
            #expect(received[2] < 5000)
            #expect(group.totals.written >= 10_000 && group.totals.read == 0)
            // Of ticks of another length.
            group.limit = RateLimit(write: 1, tick: .seconds(60))
            group.limit = RateLimit(tick: .milliseconds(20))
            #expect(group.memberCount == 3)
            guests[2].transport.rateLimit = nil
            #expect(try await Self.receive(5000 - received[2], peers[2], reactor) == 5000 - received[2])
            for guest in guests { guest.transport.rateLimitGroup = nil }
            #expect(group.memberCount == 0)
            #expect(group.totals.written == 15_000)
            // It may be joined again.
            guests[0].transport.rateLimitGroup = group
            guests[0].transport.write("more")
            #expect(try await Self.receive(4, peers[0], reactor) == 4)
            #expect(group.totals.written == 15_004)
        }
    }

    @Test("a port limits what it accepts: each, and all together")
    func ports() throws {
        var group: RateLimitGroup?
        let limit = RateLimit(write: 1000, tick: Self.tick)
        func setUp(_ reactor: Reactor, _ port: ListeningPort) {
            group = RateLimitGroup(reactor, RateLimit())
            port.rateLimit = limit
            port.rateLimitGroup = group
        }
        try Self.run(2, setUp: setUp) { reactor, guests, peers in
            #expect(guests.allSatisfy { $0.transport.rateLimit == limit && $0.transport.rateLimitGroup === group })
            #expect(group?.memberCount == 2)
            peers[0].close()
            try await reactor.until { guests[0].losses == 1 }
            #expect(group?.memberCount == 1)
            #expect(guests[0].transport.rateLimit == nil && guests[0].transport.rateLimitGroup == nil)
            guests[0].transport.rateLimit = limit
            #expect(guests[0].transport.rateLimit == nil)
        }
        #expect(group?.memberCount == 0)
    }

    private static let odd = [
        // What comes with a tick has nothing in its low 32 bits.
        RateLimit(read: 10 << 32, write: 10 << 32, tick: .milliseconds(100)),
        RateLimit(read: 0, write: -5), RateLimit(read: .max, write: .max, readBurst: .max, writeBurst: .max),
        RateLimit(read: .min, readBurst: .min), RateLimit(write: 1 << 30, tick: .zero),
        RateLimit(write: 1 << 30, tick: .nanoseconds(1)), RateLimit(write: 1 << 30, tick: .seconds(-1)),
        RateLimit(write: 1 << 30, tick: .seconds(Int64.max)),
        RateLimit(read: 1, write: .max, writeBurst: 0, tick: .seconds(5)),
    ]

    @Test("no limit is too odd for libevent, not even one of nothing in no time", arguments: odd)
    func oddLimits(limit: RateLimit) throws {
        try Self.run { reactor, guests, peers in
            let group = RateLimitGroup(reactor, limit)
            group.minimumShare = -1
            guests[0].transport.rateLimit = limit
            guests[0].transport.rateLimitGroup = group
            group.minimumShare = .max
            group.limit = limit
            guests[0].transport.write("x")
            let received = try await Self.receive(1, peers[0], reactor)
            #expect(received == 1)
            try peers[0].send("y")
            try await reactor.until { guests[0].received == [121] || guests[0].losses > 0 }
            #expect(guests[0].losses == 0)
            #expect(guests[0].transport.rateLimit == limit)
        }
    }

    @Test(
        "W5, W4: under a limit that lets nothing through an abort is at once, and so is a limit to closing",
        arguments: [false, true])
    func ending(isAborted: Bool) throws {
        try Self.run { reactor, guests, peers in
            let transport = guests[0].transport
            transport.rateLimit = RateLimit(read: 1, write: 1, tick: .seconds(3600))
            transport.rateLimitGroup = RateLimitGroup(reactor, RateLimit(read: 1, write: 1, tick: .seconds(3600)))
            transport.write([UInt8](repeating: 7, count: 100_000))
            if isAborted { transport.abortConnection() } else { transport.loseConnection(timeout: .milliseconds(2)) }
            try await reactor.until { guests[0].losses == 1 }
            #expect(guests[0].reason is ConnectionAborted)
            try await reactor.until { peers[0].sight != .nothing }
        }
    }

    @Test("P2: a producer is paused by a limit as by a slow peer, and goes on")
    func producer() throws {
        final class Source: Producer {
            var calls: [String] = []
            func pauseProducing() { calls.append("pause") }
            func resumeProducing() { calls.append("resume") }
            func stopProducing() { calls.append("stop") }
        }
        try Self.run { reactor, guests, peers in
            let transport = guests[0].transport
            let source = Source()
            transport.waterMarks = WaterMarks(low: 1000, high: 2000)
            transport.rateLimit = RateLimit(write: 100_000, tick: Self.tick)
            try transport.registerProducer(source, streaming: true)
            transport.write([UInt8](repeating: 7, count: 5000))
            #expect(source.calls == ["pause"])
            try await reactor.until { source.calls.count == 2 }
            #expect(source.calls == ["pause", "resume"])
            transport.unregisterProducer()
            #expect(try await Self.receive(5000, peers[0], reactor) == 5000)
        }
    }

    @Test("a file is sent within the limit, too")
    func file() throws {
        try Self.run { reactor, guests, peers in
            let directory = try TemporaryDirectory()
            defer { directory.remove() }
            let path = directory.file("file")
            let descriptor = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
            let bytes = Peer.Pattern.reference.repeated(to: 15_000)
            #expect(bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) } == 15_000)
            close(descriptor)
            let transport = guests[0].transport
            let start = ContinuousClock.now
            transport.rateLimit = RateLimit(write: 100_000, tick: Self.tick)
            let sent = try FileSender(path: path).beginFileTransfer(to: transport)
            var received = 0
            while received < 15_000 {
                try await reactor.until { peers[0].sight != .nothing }
                received += try peers[0].receiveSome().count
                #expect(received <= Self.most(1000, since: start))
            }
            _ = try await sent.value()
        }
    }

    @Test("I1: a group leaves nothing on a C program's base when its last member is gone")
    func baseIsLeft() throws {
        let base = try #require(event_base_new())
        let reactor = try Reactor(adopting: base, options: .forTests)
        let (ours, other) = try Peer.pair()
        let subject = Recorder()
        var next: Recorder? = subject
        let group = RateLimitGroup(reactor, RateLimit(write: 1 << 20, tick: Self.tick))
        subject.onMade = { me in
            me.transport.rateLimitGroup = group
            me.transport.rateLimit = RateLimit(write: 1 << 20, tick: Self.tick)
            me.transport.write("x")
        }
        try reactor.adoptStreamConnection(ours.descriptor, Factory { next.take() })
        ours.close()
        other.finishSending()
        #expect(event_base_dispatch(base) == 1)
        #expect(try other.receiveToEnd() == [120])
        #expect(subject.losses == 1 && group.memberCount == 0 && group.totals.written == 1)
        reactor.invalidate()
        event_base_free(base)
    }

    @Test("what is not connected, or no socket, has no limit, and a group does not keep its reactor")
    func withoutEffect() throws {
        let transport = Recorder().transport
        transport.rateLimit = RateLimit(read: 1)
        #expect(transport.rateLimit == nil && transport.rateLimitGroup == nil)
        weak var gone: Reactor?
        let group: RateLimitGroup
        do {
            let reactor = try Reactor(options: .forTests)
            gone = reactor
            group = RateLimitGroup(reactor, RateLimit())
        }
        #expect(gone == nil && group.totals.read == 0)
    }
}
