import CLibEvent
import Glibc
import Testing

@testable import Spindle

/// libevent's priorities: of what is ready, the highest goes first.
@Suite(.ownThreads) struct PriorityTests {
    private static func options(_ priorities: Int = 3) -> Reactor.Options {
        var options = Reactor.Options.forTests
        options.priorities = priorities
        return options
    }

    /// A descriptor that is always readable, and its other end.
    private static func readyPair() throws -> (ours: Peer, other: Peer) {
        let (ours, other) = try Peer.pair()
        try other.send("x")
        return (ours, other)
    }

    @Test("of several that are ready the highest is called, until it is ready no more")
    func order() throws {
        let reactor = try Reactor(options: Self.options())
        #expect(reactor.priorities == 0..<3)
        let pairs = try (0..<3).map { _ in try Self.readyPair() }
        var calls: [Int] = []
        for priority in [2, 1, 0] {
            var watch: DescriptorWatch?
            var count = 0
            watch = try reactor.watch(pairs[priority].ours.descriptor, .read, priority: priority) {
                calls.append(priority)
                count += 1
                if count == 3 { watch.take()?.cancel() }
            }
        }
        try reactor.run { try await reactor.until { calls.count == 9 } }
        #expect(calls == [0, 0, 0, 1, 1, 1, 2, 2, 2])
        withExtendedLifetime(pairs) {}
    }

    @Test("without a priority a watch has the middle one, as connections have")
    func middle() throws {
        let reactor = try Reactor(options: Self.options())
        let guests = Guests()
        var calls: [String] = []
        guests.onBuild = { _ in calls.append("connection") }
        let port = try reactor.listenTCP(0, guests, interface: "127.0.0.1")
        let pairs = try (0..<3).map { _ in try Self.readyPair() }
        let peer = try Peer.connect(to: port.address)
        for (name, priority, pair) in [("low", 2, pairs[2]), ("none", nil, pairs[1]), ("high", 0, pairs[0])] {
            var watch: DescriptorWatch?
            watch = try reactor.watch(pair.ours.descriptor, .read, priority: priority) {
                calls.append(name)
                watch.take()?.cancel()
            }
        }
        try reactor.run { try await reactor.until { calls.count == 4 } }
        #expect(calls.first == "high" && calls.last == "low")
        withExtendedLifetime((peer, pairs)) {}
        guests.letGo()
    }

    @Test("R3: whatever is busy, and whatever waits below it, queued calls, threads and delayed calls have their turn")
    func turns() throws {
        let reactor = try Reactor(options: Self.options())
        let busy = try Self.readyPair()
        let waiting = try Self.readyPair()
        var (busyCalls, lowCalls) = (0, 0)
        // As many connections that always have something to say would be: nothing lower is ever done.
        try reactor.watch(busy.ours.descriptor, .read) { busyCalls += 1 }
        try reactor.watch(waiting.ours.descriptor, .read, priority: 2) { lowCalls += 1 }
        try reactor.run {
            try await reactor.sleep(.milliseconds(5)).value()
            #expect(try await reactor.deferToThread { 7 }.value() == 7)
            // One that queues itself again and again starves nobody.
            var rounds = 0
            func again() {
                rounds += 1
                if rounds < 100 { reactor.callLater(.zero, again) }
            }
            let before = busyCalls
            again()
            try await reactor.until { rounds == 100 }
            #expect(busyCalls >= before + 99)
        }
        #expect(lowCalls == 0)
        withExtendedLifetime((busy, waiting)) {}
    }

    @Test("what is low is done when nothing else is ready, and so are stopping and connections meanwhile")
    func idle() throws {
        let reactor = try Reactor(options: Self.options(2))
        let chores = try Self.readyPair()
        var lowCalls = 0
        let port = try reactor.listenTCP(0, Factory { Recorder.echo() }, interface: "127.0.0.1")
        try reactor.watch(chores.ours.descriptor, .read, priority: 1) { lowCalls += 1 }
        try reactor.run {
            let peer = try Peer.connect(to: port.address)
            for round in 0..<20 {
                try peer.send("x")
                try await reactor.until { peer.sight == .text("x") }
                _ = try peer.receive(1)
                let before = lowCalls
                try await reactor.until { lowCalls > before + round }
            }
        }
        withExtendedLifetime(chores) {}
    }

    @Test("a priority that there is none of is an error that says which there are", arguments: [-1, 3, .max])
    func invalid(priority: Int) throws {
        let reactor = try Reactor(options: Self.options())
        let pair = try Peer.pair()
        let error = #expect(throws: NoSuchPriorityError.self) {
            try reactor.watch(pair.0.descriptor, .read, priority: priority) {}
        }
        #expect(error == NoSuchPriorityError(priority: priority, priorities: 0..<3))
        #expect(
            error?.description == "there is no priority \(priority): the reactor has those from 0, the highest, to 2")
        #expect(reactor.statistics.watchedDescriptors == 0)
        withExtendedLifetime(pair) {}
    }

    @Test(
        "how many there are is for the options to say, within what libevent can have", arguments: [-1, 0, 1, 255, 256])
    func count(asked: Int) throws {
        let reactor = try Reactor(options: Self.options(asked))
        #expect(reactor.priorities == 0..<min(max(1, asked), 255))
        let pair = try Self.readyPair()
        var calls = 0
        try reactor.watch(pair.ours.descriptor, .read, priority: reactor.priorities.upperBound - 1) { calls += 1 }
        try reactor.run { try await reactor.until { calls > 0 } }
        withExtendedLifetime(pair) {}
    }

    @Test("I1: an adopted base has those that C gave it")
    func adopted() throws {
        let base = try #require(event_base_new())
        event_base_priority_init(base, 5)
        let reactor = try Reactor(adopting: base, options: Self.options(2))
        #expect(reactor.priorities == 0..<5)
        var calls: [Int] = []
        let pairs = try (0..<5).map { _ in try Self.readyPair() }
        for priority in 0..<5 {
            var watch: DescriptorWatch?
            watch = try reactor.watch(pairs[priority].ours.descriptor, .read, priority: 4 - priority) {
                calls.append(4 - priority)
                watch.take()?.cancel()
            }
        }
        // In release they would be closed as soon as nobody mentions them.
        let result = withExtendedLifetime(pairs) { event_base_dispatch(base) }
        #expect(result == 1)
        #expect(calls == [0, 1, 2, 3, 4])
        reactor.invalidate()
        event_base_free(base)
    }

    @Test("C's event_base_loopbreak ends run(), also where passes are broken off for the reactor's turn")
    func loopBreak() throws {
        let reactor = try Reactor(options: Self.options())
        let pair = try Self.readyPair()
        try reactor.watch(pair.ours.descriptor, .read) { event_base_loopbreak(reactor.eventBase) }
        try reactor.runWatched()
        withExtendedLifetime(pair) {}
    }
}
