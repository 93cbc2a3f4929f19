import Glibc
import Testing

@testable import Spindle

/// Rules R3, F6 and S4 where many come at once.
@Suite(.ownThreads) struct AcceptTests {
    private static let crowd = 300

    @Test(
        "R3: a crowd at the door does not keep those inside, nor timers, from their turn", arguments: PortKind.allCases)
    func fairness(kind: PortKind) throws {
        enum Event { case accepted, served, tick }
        let reactor = try Reactor(options: .forTests)
        let guests = Guests()
        var events: [Event] = []
        guests.onBuild = { _ in events.append(.accepted) }
        try kind.with(reactor, guests, backlog: Self.crowd) { port in
            func tick() {
                events.append(.tick)
                if guests.all.count < 1 + Self.crowd { reactor.callLater(.zero, tick) }
            }
            try reactor.run {
                let peer = try Peer.connect(to: port.address)
                try await reactor.until { guests.all.count == 1 }
                guests.all[0].onData = { _, _ in events.append(.served) }
                events = []
                // All before the loop goes on. Those who came first are first in the queue.
                let peers = try (0..<Self.crowd).map { _ in try Peer.connect(to: port.address) }
                try peer.send("x")
                reactor.callLater(.zero, tick)
                try await reactor.until { guests.all.count == 1 + Self.crowd }
                withExtendedLifetime(peers) {}
            }
        }
        let (served, firstTick) = (events.firstIndex(of: .served), events.firstIndex(of: .tick))
        #expect(try #require(served) <= 64 + 1)
        #expect(try #require(firstTick) <= 64 + 1)
        let inARow = events.split(separator: .tick).map { $0.count { $0 == .accepted } }
        #expect(inARow.max() == 64)
        guests.letGo()
    }

    @Test("F6: a crowd that comes when a shortage has just ended is let in, all of it", arguments: PortKind.allCases)
    func crowdAfterShortage(kind: PortKind) throws {
        let log = CapturedLog()
        var options = Reactor.Options.forTests
        options.logger = log.logger
        let reactor = try Reactor(options: options)
        let guests = Guests()
        try kind.with(reactor, guests, backlog: Self.crowd) { port in
            try reactor.run {
                // What the kernel would say to accept(2). Really running out would be felt by other tests, too.
                port.acceptFailed(SystemError(EMFILE, "accept"))
                try await reactor.until { port.shortage?.isWaiting == false }
                let peers = try (0..<Self.crowd).map { _ in try Peer.connect(to: port.address) }
                try await reactor.until { guests.all.count == Self.crowd }
                try await reactor.until { port.shortage == nil }
                withExtendedLifetime(peers) {}
            }
        }
        #expect(log.lines.count { $0.contains("cannot accept connections") } == 1)
        #expect(log.lines.count { $0.contains("again; 0 were refused") } == 1)
        guests.letGo()
    }

    @Test("F6: a crowd and a shortage at once: it waits, and is let in when that is over", arguments: PortKind.allCases)
    func shortageInACrowd(kind: PortKind) throws {
        let reactor = try Reactor(options: .forTests)
        let guests = Guests()
        try kind.with(reactor, guests, backlog: Self.crowd) { port in
            // The 64th is the last of its pass, and the next is not accepted.
            guests.onBuild = { _ in
                if guests.all.count == 64 {
                    reactor.callLater(.zero) { port.acceptFailed(SystemError(ENFILE, "accept")) }
                }
            }
            try reactor.run {
                let peers = try (0..<Self.crowd).map { _ in try Peer.connect(to: port.address) }
                try await reactor.until { guests.all.count == Self.crowd }
                withExtendedLifetime(peers) {}
            }
        }
        guests.letGo()
    }

    @Test("F3: a port may be stopped while its factory builds; that connection is served", arguments: PortKind.allCases)
    func stoppedWhileBuilding(kind: PortKind) throws {
        let reactor = try Reactor(options: .forTests)
        let guests = Guests()
        try kind.with(reactor, guests) { port in
            guests.onBuild = { _ in port.stopListening() }
            try reactor.run {
                let peer = try Peer.connect(to: port.address)
                try peer.send("x")
                try await reactor.until { peer.sight == .text("x") }
                _ = try peer.receive(1)
                #expect(!port.isListening)
                #expect(port.connectionCount == 1)
                #expect((guests.starts, guests.stops) == (1, 1))
            }
        }
        #expect(guests.all.map { $0.reason is ConnectionDone } == [true])
        guests.letGo()
    }

    @Test(
        "S4: where the factory builds nothing the connection is closed and accepting goes on",
        arguments: PortKind.allCases)
    func refused(kind: PortKind) throws {
        let reactor = try Reactor(options: .forTests)
        var calls = 0
        let factory = Factory {
            calls += 1
            return calls <= 2 ? nil : Recorder.echo()
        }
        try kind.with(reactor, factory) { port in
            try reactor.run {
                let peers = try (0..<3).map { _ in try Peer.connect(to: port.address) }
                try await reactor.until { peers[0].sight == .end && peers[1].sight == .end }
                try peers[2].send("x")
                try await reactor.until { peers[2].sight == .text("x") }
                #expect(port.connectionCount == 1)
            }
        }
    }
}
