import Spindle
import Testing

/// F3 of the contract: a port that stops, and waits for its connections.
@Suite(.ownThreads) struct DrainingTests {
    /// Runs a script with a port that has let in so many peers, and lets go of everything afterwards.
    private func with(
        _ kind: PortKind, _ count: Int,
        _ script: nonisolated(nonsending) @escaping (Reactor, ListeningPort, Guests, [Peer]) async throws -> Void
    ) throws {
        let reactor = try Reactor(options: .forTests)
        let guests = Guests()
        try kind.with(reactor, guests) { port in
            try reactor.run {
                let peers = try (0..<count).map { _ in try Peer.connect(to: port.address) }
                try await reactor.until { guests.present == count }
                #expect(port.connectionCount == count)
                try await script(reactor, port, guests, peers)
            }
        }
        guests.letGo()
    }

    /// Notes what comes of a wait.
    private final class Answer {
        var hasCome = false
        init(_ deferred: Deferred<Void>, _ then: @escaping () -> Void = {}) {
            deferred.addCallback { [self] in
                hasCome = true
                then()
            }
        }
    }

    @Test("F3: with nobody connected there is nothing to wait for", arguments: PortKind.allCases)
    func empty(kind: PortKind) throws {
        try with(kind, 0) { _, port, guests, _ in
            #expect(port.stopListening(drain: .seconds(100)).hasFired)
            #expect(!port.isListening)
            #expect(guests.stops == 1)
            // Nor is there in a port that has stopped already.
            #expect(port.stopListening(drain: .zero).hasFired)
            #expect(guests.stops == 1)
        }
    }

    @Test(
        "F3: connections go on, nobody new is let in, and the last to leave is waited for", arguments: PortKind.allCases
    )
    func waits(kind: PortKind) throws {
        try with(kind, 2) { reactor, port, guests, peers in
            let answer = Answer(port.stopListening(drain: .seconds(100))) {
                #expect(guests.present == 0, "the protocol hears of the end first")
            }
            #expect(guests.stops == 1, "F1: connections do not count as use")
            #expect(throws: Peer.Failure.self) { _ = try Peer.connect(to: port.address) }
            peers[0].close()
            try await reactor.until { guests.present == 1 }
            #expect(port.connectionCount == 1)
            try peers[1].send("still there?")
            try await reactor.until { peers[1].sight == .text("still there?") }
            #expect(!answer.hasCome)
            _ = try peers[1].receive(12)
            peers[1].close()
            try await reactor.until { answer.hasCome }
            #expect(port.connectionCount == 0)
            #expect(guests.all.allSatisfy { $0.reason is ConnectionDone })
        }
    }

    @Test("F3: those who are still there when the limit is over are aborted", arguments: PortKind.allCases)
    func limit(kind: PortKind) throws {
        try with(kind, 3) { reactor, port, guests, peers in
            let start = reactor.seconds
            let answer = Answer(port.stopListening(drain: .milliseconds(30)))
            peers[0].close()
            try await reactor.until { answer.hasCome }
            #expect(reactor.seconds - start >= 0.03)
            #expect(guests.all.count { $0.reason is ConnectionAborted } == 2)
            #expect(guests.all.allSatisfy { $0.losses == 1 })
        }
    }

    @Test(
        "F3: asked twice, the later limit holds, and both have their answer", arguments: PortKind.allCases,
        [true, false])
    func twice(kind: PortKind, isShortened: Bool) throws {
        try with(kind, 1) { reactor, port, guests, peers in
            let first = Answer(port.stopListening(drain: isShortened ? .seconds(100) : .milliseconds(1)))
            let second = Answer(port.stopListening(drain: isShortened ? .milliseconds(1) : .seconds(100)))
            if !isShortened {
                try await reactor.sleep(.milliseconds(20)).value()
                #expect(!first.hasCome && !second.hasCome)
                peers[0].close()
            }
            try await reactor.until { first.hasCome && second.hasCome }
            #expect(
                guests.all.allSatisfy { isShortened ? $0.reason is ConnectionAborted : $0.reason is ConnectionDone })
        }
    }

    @Test("F3: one who does not want its answer any more takes it from nobody else", arguments: PortKind.allCases)
    func cancelled(kind: PortKind) throws {
        try with(kind, 1) { reactor, port, guests, peers in
            let unwanted = port.stopListening(drain: .seconds(100))
            var failure: (any Error)?
            unwanted.addErrback { failure = $0 }
            let answer = Answer(port.stopListening(drain: .seconds(100)))
            unwanted.cancel()
            #expect(failure is CancelledError)
            #expect(!answer.hasCome)
            #expect(guests.present == 1)
            peers[0].close()
            try await reactor.until { answer.hasCome }
        }
    }

    @Test(
        "F3: those let in by a port that listens again are neither waited for nor aborted",
        arguments: PortKind.allCases.filter { !$0.isAdopted })
    func again(kind: PortKind) throws {
        try with(kind, 1) { reactor, port, guests, peers in
            let answer = Answer(port.stopListening(drain: .milliseconds(30)))
            try port.startListening()
            let late = try Peer.connect(to: port.address)
            try await reactor.until { guests.all.count == 2 }
            #expect(port.connectionCount == 2)
            try await reactor.until { answer.hasCome }
            #expect(guests.all[0].reason is ConnectionAborted)
            try late.send("x")
            try await reactor.until { late.sight == .text("x") }
            #expect(port.connectionCount == 1)
            // They are when it stops again.
            let second = Answer(port.stopListening(drain: .milliseconds(1)))
            try await reactor.until { second.hasCome }
            #expect(guests.all[1].reason is ConnectionAborted)
        }
    }

    @Test("F3: asked while the last one is on its way out, in its connectionLost", arguments: PortKind.allCases)
    func inConnectionLost(kind: PortKind) throws {
        try with(kind, 1) { reactor, port, guests, peers in
            var answer: Answer?
            guests.all[0].onLost = { _ in
                answer = Answer(port.stopListening(drain: .seconds(100)))
                #expect(answer?.hasCome == false)
            }
            peers[0].close()
            try await reactor.until { answer?.hasCome == true }
        }
    }

    @Test("F3, R4: a reactor that stops does not leave anybody waiting", arguments: PortKind.allCases)
    func reactorStops(kind: PortKind) throws {
        var answer: Answer?
        try with(kind, 2) { reactor, port, _, _ in
            answer = Answer(port.stopListening(drain: .seconds(100)))
            try reactor.stop()
        }
        #expect(answer?.hasCome == true)
    }

    @Test("S8: nothing is left of a port that was drained", arguments: PortKind.allCases)
    func noLeak(kind: PortKind) throws {
        weak var lost: ListeningPort?
        try with(kind, 1) { reactor, port, guests, peers in
            lost = port
            let answer = Answer(port.stopListening(drain: .seconds(100)))
            peers[0].close()
            try await reactor.until { answer.hasCome }
        }
        #expect(lost == nil)
    }
}
