import Glibc
import Spindle
import Testing

/// W5 of the contract, with S2 and S4: aborting from wherever one can.
@Suite(.ownThreads) struct AbortingTests {
    struct Mishap: Error {}

    /// What a producer is told, and what it does then.
    private final class AbortingProducer: Producer {
        enum Place: CaseIterable { case pause, resume, firstPull, laterPull, stop }

        let place: Place
        let transport: Transport
        var calls: [Place] = []
        private var pulls = 0

        init(_ place: Place, _ transport: Transport) {
            self.place = place
            self.transport = transport
        }

        var isStreaming: Bool { place == .pause || place == .resume }

        func pauseProducing() { reached(.pause) }

        func resumeProducing() {
            guard !isStreaming else { return reached(.resume) }
            pulls += 1
            reached(pulls == 1 ? .firstPull : .laterPull)
            transport.write([UInt8](repeating: 1, count: 100_000))
        }

        func stopProducing() { reached(.stop) }

        private func reached(_ current: Place) {
            calls.append(current)
            guard current == place else { return }
            transport.abortConnection()
            // Nobody is to be told inside this call.
            #expect(!transport.isConnected)
            transport.write("too late")
            transport.unregisterProducer()
        }
    }

    @Test(
        "W5, S2: a producer may abort in whatever it is told; connectionLost comes later, once",
        arguments: StreamKind.allCases, [0, 1, 2, 3, 4])
    func inAProducer(kind: StreamKind, number: Int) throws {
        let place = AbortingProducer.Place.allCases[number]
        let subject = Recorder()
        var producer: AbortingProducer?
        subject.onMade = { me in
            let new = AbortingProducer(place, me.transport)
            producer = new
            if new.isStreaming { me.transport.write([UInt8](repeating: 2, count: 20_000_000)) }
            try me.transport.registerProducer(new, streaming: new.isStreaming)
            if place == .stop { me.transport.abortConnection() }
        }
        try kind.run(subject, receiveBuffer: 4096) { peer in
            #expect(peer.waitForEnd() == (kind.knowsResets ? ECONNRESET : 0))
        }
        #expect(subject.events == [.made, .lost])
        #expect(!subject.wasReentered)
        #expect(subject.reason is ConnectionAborted)
        let expected: [[AbortingProducer.Place]] = [
            // What one that may write tries behind the abort pauses it.
            [.pause], [.pause, .resume, .pause], [.firstPull], [.firstPull, .laterPull], [.stop],
        ]
        #expect(producer?.calls == expected[number])
    }

    @Test(
        "W5: with all buffers full and the peer reading nothing, aborting ends it at once, and stops the producer",
        arguments: StreamKind.allCases)
    func fullBuffers(kind: StreamKind) throws {
        let subject = Recorder()
        let producer = CountingProducer(pieces: 1_000_000, size: 10_000)
        producer.onPause = { [unowned subject] in
            subject.reactor.callLater(.milliseconds(10)) { subject.transport.abortConnection() }
        }
        subject.onMade = { me in
            producer.transport = me.transport
            try me.transport.registerProducer(producer, streaming: true)
            producer.produce()
        }
        try kind.run(subject, receiveBuffer: 4096) { peer in
            #expect(peer.waitUnread() == (kind.knowsResets ? ECONNRESET : 0))
        }
        // What the kernel takes late may have resumed it in between.
        #expect(producer.pauses > 0 && producer.stops == 1)
        #expect(subject.reason is ConnectionAborted)
    }

    @Test(
        "S4: an error thrown by a callback that has aborted is logged; the reason is the abort",
        arguments: StreamKind.allCases, [true, false])
    func throwing(kind: StreamKind, inConnectionMade: Bool) throws {
        let log = CapturedLog()
        let subject = Recorder()
        func abort(_ me: Recorder) throws {
            me.transport.abortConnection()
            throw Mishap()
        }
        subject.onMade = { me in
            if inConnectionMade { try abort(me) }
            me.transport.write("ready")
        }
        subject.onData = { me, _ in try abort(me) }
        try kind.run(subject, adjust: { $0.logger = log.logger }) { peer in
            if !inConnectionMade {
                _ = try peer.receive(5)
                try peer.send("x")
            }
            #expect(peer.waitForEnd() == (kind.knowsResets ? ECONNRESET : 0))
        }
        #expect(subject.losses == 1)
        #expect(subject.reason is ConnectionAborted)
        #expect(log.lines.count { $0.contains("Mishap") } == 1)
    }

    @Test("P2, W5: a producer that begins to write behind an abort is paused", arguments: StreamKind.allCases)
    func writingOn(kind: StreamKind) throws {
        let subject = Recorder()
        let producer = EndlessProducer()
        subject.onMade = { me in
            producer.transport = me.transport
            try me.transport.registerProducer(producer, streaming: true)
            me.transport.abortConnection()
            producer.produce()
        }
        try kind.run(subject) { peer in _ = peer.waitForEnd() }
        #expect(producer.longestRun == 1)
        #expect(producer.isStopped)
    }

    @Test("W5: loseConnection, or a producer, after abortConnection changes nothing", arguments: StreamKind.allCases)
    func afterwards(kind: StreamKind) throws {
        let subject = Recorder()
        let late = CountingProducer(pieces: 1, size: 1)
        subject.onData = { me, _ in
            me.transport.abortConnection()
            me.transport.loseConnection()
            me.transport.loseConnection(timeout: .zero)
            me.transport.loseWriteConnection()
            me.transport.pauseProducing()
            me.transport.resumeProducing()
            try me.transport.registerProducer(late, streaming: true)
            #expect(late.stops == 1)
        }
        try kind.run(subject) { peer in
            try peer.send("x")
            #expect(peer.waitForEnd() == (kind.knowsResets ? ECONNRESET : 0))
        }
        #expect(subject.losses == 1)
        #expect(subject.reason is ConnectionAborted)
    }
}
