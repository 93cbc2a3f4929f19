import CLinux
import Glibc
import Testing

@testable import Spindle

/// `endpoint.listen()`, `listener.connections` and `endpoint.connect()`.
@Suite(.ownThreads) struct ConnectionListenerTests {
    /// A port that only this test listens on.
    private func endpoint(_ reactor: Reactor) -> (host: String, server: TCP4ServerEndpoint) {
        let host = Loopback.own()
        return (host, TCP4ServerEndpoint(reactor, 0, interface: host))
    }

    private func client(_ reactor: Reactor, _ host: String, _ listener: ConnectionListener) -> TCP4ClientEndpoint {
        TCP4ClientEndpoint(reactor, host, listener.port.address.port ?? 0)
    }

    @Test("E1, H4: client and server in two tasks of one reactor, step by step on its thread")
    func dialogue() throws {
        let reactor = try Reactor(options: .forTests)
        var threads: Set<Int32> = [spindle_thread_id()]
        let note = { _ = threads.insert(spindle_thread_id()) }
        try reactor.run {
            let (host, server) = endpoint(reactor)
            let listener = try await server.listen()
            note()
            let serving = reactor.spawn {
                var served = 0
                for try await connection in listener.connections {
                    note()
                    served += 1
                    reactor.spawn {
                        for try await chunk in connection.bytes {
                            note()
                            try await connection.write(chunk)
                            note()
                        }
                        note()
                    }
                }
                return served
            }
            let client = client(reactor, host, listener)
            let (first, second) = (try await client.connect(), try await client.connect())
            note()
            // Two connections that take turns, each with its own words.
            for number in 0..<1000 {
                let (one, two) = ("one \(number)", "two \(number)")
                try await first.write(one)
                try await second.write(two)
                note()
                let answers = (try await second.read { "\($0)" }, try await first.read { "\($0)" })
                note()
                try #require(answers == (two, one))
            }
            try await first.close()
            try await second.close()
            note()
            listener.port.stopListening()
            let served = try await serving.value()
            note()
            #expect(served == 2)
        }
        #expect(threads.count == 1)
    }

    @Test("accepting pauses while enough connections wait to be taken")
    func backPressure() throws {
        let reactor = try Reactor(options: .forTests)
        try reactor.run {
            let (host, server) = endpoint(reactor)
            let listener = try await server.listen(maxWaiting: 2)
            let client = client(reactor, host, listener)
            var peers: [Connection] = []
            for _ in 0..<6 { peers.append(try await client.connect()) }
            for _ in 0..<20 { try await reactor.sleep(.milliseconds(1)).value() }
            #expect(listener.port.connectionCount == 2)
            var taken: [Connection] = []
            for try await connection in listener.connections {
                taken.append(connection)
                // For each that is taken one more comes in.
                let expected = min(6, taken.count + 2)
                try await reactor.until { listener.port.connectionCount == expected }
                for _ in 0..<3 { try await reactor.sleep(.milliseconds(1)).value() }
                #expect(listener.port.connectionCount == expected)
                if taken.count == 6 { break }
            }
            // In the order in which they came.
            #expect(taken.map(\.transport.peer) == peers.map(\.transport.host))
        }
    }

    @Test("F6: a shortage of descriptors that is over lets in no more than may wait")
    func heldBackThroughAShortage() throws {
        let reactor = try Reactor(options: .forTests)
        try reactor.run {
            let (host, server) = endpoint(reactor)
            let listener = try await server.listen(maxWaiting: 1)
            let client = client(reactor, host, listener)
            let first = try await client.connect()
            try await reactor.until { listener.port.connectionCount == 1 }
            listener.port.acceptFailed(SystemError(EMFILE, "accept"))
            let second = try await client.connect()
            try await reactor.until { listener.port.shortage == nil }
            #expect(listener.port.connectionCount == 1)
            var taken: [Connection] = []
            for try await connection in listener.connections {
                taken.append(connection)
                if taken.count == 2 { break }
            }
            #expect(taken.map(\.transport.peer) == [first, second].map(\.transport.host))
        }
    }

    @Test("F3: connections end where the port stops listening, after those that wait")
    func stopping() throws {
        let reactor = try Reactor(options: .forTests)
        try reactor.run {
            let (host, server) = endpoint(reactor)
            let listener = try await server.listen()
            let peer = try await client(reactor, host, listener).connect()
            try await reactor.until { listener.port.connectionCount == 1 }
            listener.port.stopListening()
            var count = 0
            for try await _ in listener.connections { count += 1 }
            #expect(count == 1)
            let end: Void? = try await peer.read { _ in }
            #expect(end == nil)
            // Again, on the same port.
            try listener.port.startListening()
            let another = try await client(reactor, host, listener).connect()
            for try await connection in listener.connections {
                try await connection.write("hello")
                break
            }
            let greeting = try await another.read { "\($0)" }
            #expect(greeting == "hello")
        }
    }

    @Test("dropping a listener gives the port up and closes what nobody has taken")
    func dropping() throws {
        let reactor = try Reactor(options: .forTests)
        weak var dropped: ConnectionListener?
        try reactor.run {
            let (host, server) = endpoint(reactor)
            var listener: ConnectionListener? = try await server.listen()
            dropped = listener
            let client = client(reactor, host, try #require(listener))
            let peer = try await client.connect()
            try await reactor.until { listener?.port.connectionCount == 1 }
            listener = nil
            #expect(dropped == nil)
            let end: Void? = try await peer.read { _ in }
            #expect(end == nil)
            await #expect(throws: ConnectionRefusedError.self) { _ = try await client.connect() }
        }
    }

    @Test("H4: one who waits for connections is cancelled; a second at the same time is told so")
    func cancelling() throws {
        let reactor = try Reactor(options: .forTests)
        try reactor.run {
            let (host, server) = endpoint(reactor)
            let listener = try await server.listen()
            var outcome: (any Error)?
            let taker = reactor.spawn {
                do { for try await _ in listener.connections {} } catch { outcome = error }
            }
            taker.addErrback { _ in }
            await #expect(throws: AlreadyReadingError()) { for try await _ in listener.connections {} }
            taker.cancel()
            try await reactor.until { outcome != nil }
            #expect(outcome is CancelledError)
            // The next is not disturbed.
            let peer = try await client(reactor, host, listener).connect()
            for try await connection in listener.connections {
                #expect(connection.transport.peer == peer.transport.host)
                break
            }
        }
    }

    @Test("H4, R4: stopping the reactor ends loops over connections and over bytes")
    func reactorStops() throws {
        let reactor = try Reactor(options: .forTests)
        var log: [String] = []
        reactor.spawn {
            let (host, server) = endpoint(reactor)
            let listener = try await server.listen()
            reactor.spawn {
                defer { log.append("listener") }
                for try await connection in listener.connections {
                    reactor.spawn {
                        defer { log.append("server") }
                        for try await _ in connection.bytes {}
                    }.addErrback { _ in }
                }
            }.addErrback { _ in }
            let peer = try await client(reactor, host, listener).connect()
            try await reactor.until { listener.port.connectionCount == 1 }
            reactor.callLater(.milliseconds(5)) { try reactor.stop() }
            defer { log.append("client") }
            for try await _ in peer.bytes {}
        }.addErrback { _ in }
        try reactor.runWatched()
        #expect(log.sorted() == ["client", "listener", "server"])
    }

    @Test("E1: connecting fails with the endpoint's own error, and stops when the task is cancelled")
    func failing() throws {
        let reactor = try Reactor(options: .forTests)
        try reactor.run {
            let (host, server) = endpoint(reactor)
            let port = try await server.listen().port
            #expect(!port.isListening)
            let client = TCP4ClientEndpoint(reactor, host, port.address.port ?? 0)
            await #expect(throws: ConnectionRefusedError.self) { _ = try await client.connect() }

            var outcome: (any Error)?
            let hole = try BlackHole()
            let attempt = reactor.spawn {
                let client = TCP4ClientEndpoint(reactor, hole.address.host, hole.address.port ?? 0)
                do { _ = try await client.connect() } catch { outcome = error }
            }
            attempt.addErrback { _ in }
            attempt.cancel()
            try await reactor.until { outcome != nil }
            #expect(outcome is ConnectingCancelledError)
        }
    }

    @Test("F2: listening where one cannot fails at once")
    func cannotListen() throws {
        let reactor = try Reactor(options: .forTests)
        try reactor.run {
            await #expect(throws: CannotListenError.self) {
                _ = try await TCP4ServerEndpoint(reactor, 0, interface: "192.0.2.1").listen()
            }
        }
    }

    @Test("E1: any endpoint will do: UNIX sockets, from strings")
    func strings() throws {
        let reactor = try Reactor(options: .forTests)
        try TemporaryDirectory.with { directory in
            let path = directory.file("socket")
            try reactor.run {
                let listener = try await serverFromString(reactor, "unix:\(path)").listen()
                let peer = try await clientFromString(reactor, "unix:\(path)").connect()
                try await peer.write("by string")
                for try await connection in listener.connections {
                    let text = try await connection.read { "\($0)" }
                    #expect(text == "by string")
                    break
                }
            }
        }
    }
}
