import Glibc
import Spindle
import Testing

/// F3 of the contract: clients that the kernel has let in, and that wait to be accepted, when their port stops.
@Suite(.ownThreads) struct WaitingClientsTests {
    private static let own: [PortKind] = [.tcp4, .tcp6, .unix]

    /// Runs a script with a port, and with three clients that have connected and said hello since the current callback began.
    private func with(
        _ kind: PortKind,
        _ script: nonisolated(nonsending) @escaping (Reactor, ListeningPort, Guests, [Peer]) async throws -> Void
    ) throws {
        let reactor = try Reactor(options: .forTests)
        let guests = Guests()
        guests.onBuild = { $0.onMade = { me in me.transport.write("welcome, ") } }
        var peers: [Peer] = []
        try kind.with(reactor, guests) { port in
            try reactor.run {
                peers = try (0..<3).map { _ in try Peer.connect(to: port.address) }
                for peer in peers { try peer.send("hello") }
                try await script(reactor, port, guests, peers)
            }
        }
        for peer in peers { peer.close() }
        guests.letGo()
    }

    @Test("F3, S2: they are served, when the callback that stops the port has returned", arguments: own)
    func served(kind: PortKind) throws {
        try with(kind) { reactor, port, guests, peers in
            port.stopListening()
            #expect(!port.isListening && guests.all.isEmpty && guests.stops == 0)
            #expect(throws: Peer.Failure.self) { _ = try Peer.connect(to: port.address) }
            try await reactor.until { peers.allSatisfy { $0.sight == .text("welcome, hello") } }
            #expect(guests.all.count == 3)
            #expect((guests.starts, guests.stops) == (1, 1), "F1: the factory is in use until they are built")
        }
    }

    @Test("F3: drain: waits for them as well", arguments: own)
    func drained(kind: PortKind) throws {
        try with(kind) { reactor, port, guests, peers in
            var isOver = false
            port.stopListening(drain: .seconds(60)).addCallback { isOver = true }
            try await reactor.until { peers.allSatisfy { $0.sight == .text("welcome, hello") } }
            #expect(port.connectionCount == 3 && !isOver)
            for peer in peers { peer.close() }
            try await reactor.until { isOver }
            #expect(port.connectionCount == 0 && guests.present == 0)
        }
    }

    @Test("F3: drain: waits for none of those that a factory refuses", arguments: own)
    func refusedByFactory(kind: PortKind) throws {
        let reactor = try Reactor(options: .forTests)
        try kind.with(reactor, Factory { nil }) { port in
            try reactor.run {
                let peer = try Peer.connect(to: port.address)
                defer { peer.close() }
                try await port.stopListening(drain: .seconds(60)).value()
                #expect(port.connectionCount == 0)
            }
        }
    }

    @Test("F3, R4: when the reactor stops they are greeted, and hear of the end in good order", arguments: own)
    func reactorStops(kind: PortKind) throws {
        let received = Lock<[String]>([])
        var thread: ScriptThread?
        try with(kind) { reactor, port, guests, peers in
            thread = ScriptThread {
                for peer in peers {
                    let text = (try? peer.receiveToEnd()).map { String(decoding: $0, as: UTF8.self) }
                    received.withLock { $0.append(text ?? "reset") }
                    // Nothing else ends the server's lingering.
                    peer.close()
                }
            }
            try reactor.stop()
        }
        thread?.join()
        #expect(received.withLock { $0 } == Array(repeating: "welcome, ", count: 3))
    }

    @Test("F3: where that is not wanted the kernel resets them", arguments: own)
    func turnedAway(kind: PortKind) throws {
        try with(kind) { reactor, port, guests, peers in
            port.servesWaitingClients = false
            port.stopListening()
            try await reactor.until { peers.allSatisfy { $0.sight == .failure(ECONNRESET) } }
            #expect(guests.all.isEmpty && guests.stops == 1)
        }
    }

    @Test("F3, F7: those that came to an adopted socket stay in its queue")
    func adopted() throws {
        let reactor = try Reactor(options: .forTests)
        let (listener, number) = try Peer.listener()
        defer { listener.close() }
        let port = try reactor.adoptStreamPort(listener.descriptor, Factory())
        try reactor.run {
            let peer = try Peer.connect(to: SocketAddress("127.0.0.1", port: number))
            defer { peer.close() }
            port.stopListening()
            let accepted = try listener.accept()
            try peer.send("hello")
            #expect(try accepted.receiveText(5) == "hello")
            accepted.close()
        }
    }
}
