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

    @Test(
        "F3: a port that is opened anew inside its own accept callback goes on serving",
        arguments: [PortKind.tcp4, .tcp6, .unix], ["build", "made"])
    func reopened(kind: PortKind, place: String) throws {
        let reactor = try Reactor(options: .forTests)
        let guests = Guests()
        try kind.with(reactor, guests) { port in
            var left = 3
            func reopen() throws {
                guard left > 0 else { return }
                left -= 1
                port.stopListening()
                try port.startListening()
            }
            guests.onBuild = { guest in
                if place == "build" { #expect(throws: Never.self) { try reopen() } }
                guest.onMade = { _ in if place == "made" { try reopen() } }
            }
            try reactor.run {
                for count in 1...5 {
                    let peer = try Peer.connect(to: port.address)
                    try await reactor.until { guests.all.count == count }
                    try peer.send("x")
                    try await reactor.until { peer.sight == .text("x") }
                    peer.close()
                }
            }
        }
        guests.letGo()
    }

    @Test("F2: the backlog is as long as the kernel allows, unless it is set", arguments: [nil, 7] as [Int?])
    func backlog(asked: Int?) throws {
        let reactor = try Reactor(options: .forTests)
        let port = try reactor.listenTCP(0, Factory(), backlog: asked, interface: "127.0.0.1")
        defer { port.stopListening() }
        // Of a listening socket tcpi_sacked is the length of its queue.
        var info = [UInt32](repeating: 0, count: 64)
        var length = socklen_t(info.count * 4)
        #expect(getsockopt(try #require(port.fileDescriptor), CInt(IPPROTO_TCP), 11, &info, &length) == 0)
        let most = try File(path: "/proc/sys/net/core/somaxconn")
        defer { most.close() }
        let text = String(decoding: try most.read(at: 0, 100), as: UTF8.self)
        #expect(Int(info[7]) == asked ?? Int(text.split(separator: "\n")[0]))
    }

    @Test("F2: of a UNIX port, too: more than 50 clients wait without having to try again")
    func unixBacklog() throws {
        let reactor = try Reactor(options: .forTests)
        try TemporaryDirectory.with { directory in
            let port = try reactor.listenUNIX(directory.file("socket"), Factory())
            defer { port.stopListening() }
            let sockets = (0..<120).map { _ in
                let socket = try? Socket.openStream(for: port.address)
                let result = Result { try socket?.connect(to: port.address) }
                return (socket, result)
            }
            defer { for (socket, _) in sockets { socket?.close() } }
            #expect(throws: Never.self) { for (_, result) in sockets { try result.get() } }
        }
    }

    @Test("F6: a crowd that comes when a shortage has just ended is let in, all of it", arguments: PortKind.allCases)
    func crowdAfterShortage(kind: PortKind) throws {
        let log = CapturedLog()
        let reactor = try Reactor(options: log.options)
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
