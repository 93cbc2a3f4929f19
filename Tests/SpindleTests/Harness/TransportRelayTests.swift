import Glibc
import Spindle
import Testing

/// The relay on a thread of its own, between TCP and TCP: nobody is to tell it from the connection that it stands for.
@Suite(.ownThreads) struct TransportRelayTests {
    private func run(_ subject: Recorder, peer script: @escaping @Sendable (Peer) throws -> Void) throws {
        let reactor = try Reactor(options: .forTests)
        let end = ScenarioEnd(reactor)
        subject.whenLost = { end.connectionIsLost = true }
        var next: Recorder? = subject
        let port = try #require(
            try reactor.listenTCP(0, Factory { next.take() }, interface: "127.0.0.1").address.port)
        let (ours, peer) = try Peer.tcpPair()
        let relay = TransportRelay.onItsOwnThread(to: ours, passesResets: true) { reactor, factory in
            TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(factory)
        }
        try end.run(against: script) { peer }
        relay.join()
        #expect(end.peerError == nil)
    }

    @Test("all passes, in both directions at once, and each direction's end behind it")
    func everything() throws {
        let total = 4 << 20
        let subject = HalfCloseRecorder()
        subject.keepsNothing = true
        subject.onData = { me, data in me.transport.write(data) }
        subject.onReadLost = { me in
            me.transport.write("last words")
            me.transport.loseWriteConnection()
        }
        try run(subject) { peer in
            let sender = ScriptThread {
                try? peer.send(total, of: .reference)
                peer.finishSending()
            }
            defer { sender.join() }
            let received = try peer.receiveToEnd()
            #expect(Array(received.dropLast(10)) == Peer.Pattern.reference.repeated(to: total))
            #expect(received.suffix(10) == Array("last words".utf8)[...])
        }
        #expect(subject.ends == ["read", "write", "lost"])
        #expect(subject.reason is ConnectionDone)
    }

    @Test("a reset passes, whoever makes it", arguments: [true, false])
    func reset(byPeer: Bool) throws {
        let subject = Recorder()
        subject.onData = { me, _ in byPeer ? me.transport.write("ready") : me.transport.abortConnection() }
        try run(subject) { peer in
            try peer.send("x")
            if byPeer {
                _ = try peer.receive(5)
                peer.reset()
            } else {
                #expect(peer.waitForEnd() == ECONNRESET)
            }
        }
        #expect((subject.reason as? ConnectionLost)?.errno == (byPeer ? ECONNRESET : nil))
        #expect(subject.reason is ConnectionAborted == !byPeer)
    }

    @Test("a peer that does not read holds the subject back")
    func backPressure() throws {
        let subject = Recorder()
        let producer = CountingProducer(pieces: 3000, size: 10_000)
        let isHeldBack = Handoff()
        producer.onPause = { isHeldBack.finish(true) }
        subject.onMade = { me in
            producer.transport = me.transport
            try me.transport.registerProducer(producer, streaming: true)
            producer.produce()
        }
        try run(subject) { peer in
            #expect(isHeldBack.wait())
            let received = try peer.receive(3000 * 10_000)
            #expect(received.count == 3000 * 10_000)
        }
        #expect(producer.pauses > 0)
    }
}
