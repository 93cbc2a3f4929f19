import Spindle
import Testing

/// R4 of the contract, seen from a connection.
@Suite(.ownThreads) struct StoppingTests {
    /// Where it is that somebody stops the reactor.
    enum Place: CaseIterable { case connectionMade, dataReceived, connectionLost }

    @Test("R4: the reactor may be stopped from any callback", arguments: StreamKind.allCases, Place.allCases)
    func fromInside(kind: StreamKind, place: Place) throws {
        let subject = Recorder()
        subject.onMade = { me in
            me.transport.write("hello")
            if place == .connectionMade { try me.reactor.stop() }
        }
        subject.onData = { me, _ in if place == .dataReceived { try me.reactor.stop() } }
        subject.onLost = { me in
            if place == .connectionLost { #expect(throws: Never.self) { try me.reactor.stop() } }
        }
        let outcome = try kind.run(subject) { peer in
            #expect(try peer.receiveText(5) == "hello")
            if place == .dataReceived { try peer.send("x") }
            if place != .connectionLost { #expect(peer.waitForEnd() == 0) }
        }
        #expect(outcome.peerError == nil)
        #expect(subject.events.count == (place == .dataReceived ? 3 : 2))
        #expect(subject.losses == 1)
        #expect(subject.reason is ConnectionDone)
    }

    @Test(
        "R4: what a closing connection still has to send is sent when the reactor stops (Twisted: D6)",
        arguments: StreamKind.allCases, [true, false])
    func pendingOutput(kind: StreamKind, isClosing: Bool) throws {
        let subject = Recorder()
        subject.onMade = { me in
            me.transport.write(ClosingTests.large)
            if isClosing { me.transport.loseConnection() }
            try me.reactor.stop()
        }
        // On a machine that is busy with other things the peer may take its time.
        let adjust: (inout Reactor.Options) -> Void = { $0.shutdownGrace = .seconds(30) }
        let outcome = try kind.run(subject, adjust: adjust, receiveBuffer: 4096) { peer in
            let count = try peer.receiveToEnd().count
            #expect(count == ClosingTests.large.count)
        }
        #expect(outcome.peerError == nil)
        #expect(subject.reason is ConnectionDone)
    }

    @Test("R4, W4: a producer that is at work when the reactor stops may finish", arguments: StreamKind.allCases)
    func producer(kind: StreamKind) throws {
        let subject = Recorder()
        let producer = CountingProducer(pieces: 100, size: 50_000)
        subject.onMade = { me in
            producer.transport = me.transport
            try me.transport.registerProducer(producer, streaming: false)
            try me.reactor.stop()
        }
        let adjust: (inout Reactor.Options) -> Void = { $0.shutdownGrace = .seconds(30) }
        let outcome = try kind.run(subject, adjust: adjust, receiveBuffer: 4096) { peer in
            let count = try peer.receiveToEnd().count
            #expect(count == 100 * 50_000)
        }
        #expect(outcome.peerError == nil)
        #expect(producer.stops == 0)
        #expect(subject.reason is ConnectionDone)
    }
}
