import Glibc
import Testing

@testable import Spindle

/// Group S of the contract.
@Suite(.ownThreads) struct LifecycleTests {
    struct Refusal: Error {}

    @Test("S1: connectionMade comes before any data, connectionLost last", arguments: StreamKind.allCases)
    func order(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onData = { me, data in me.transport.write(data) }
        let outcome = try kind.run(subject) { peer in
            try peer.send("hello")
            #expect(try peer.receiveText(5) == "hello")
        }
        #expect(outcome.peerError == nil)
        #expect(subject.events == [.made, .data(Array("hello".utf8)), .lost])
    }

    @Test("S2: connectionLost comes once and never inside another callback", arguments: StreamKind.allCases)
    func notReentrant(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onData = { me, _ in
            me.transport.write("bye")
            me.transport.loseConnection()
            me.transport.abortConnection()
            me.transport.loseConnection()
            me.transport.abortConnection()
        }
        try kind.run(subject) { peer in
            try peer.send("x")
            _ = peer.waitForEnd()
        }
        #expect(!subject.wasReentered)
        #expect(subject.losses == 1)
        #expect(subject.reason is ConnectionAborted)
    }

    @Test("S3: the peer's end is ConnectionDone", arguments: StreamKind.allCases)
    func peerFinishes(kind: StreamKind) throws {
        let subject = Recorder()
        try kind.run(subject) { peer in try peer.send("last words") }
        #expect(subject.receivedText == "last words")
        #expect(subject.reason is ConnectionDone)
    }

    @Test("S3: our own loseConnection is ConnectionDone", arguments: StreamKind.allCases)
    func weFinish(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onMade = { me in me.transport.loseConnection() }
        try kind.run(subject) { peer in #expect(peer.waitForEnd() == 0) }
        #expect(subject.reason is ConnectionDone)
    }

    /// A pair of bufferevents has no errors of its own.
    @Test("S3: a reset is ConnectionLost with its errno", arguments: StreamKind.withSocket)
    func reset(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onData = { me, _ in me.transport.write("ready") }
        try kind.run(subject) { peer in
            try peer.send("x")
            // Left unread, which makes a reset of closing a UNIX socket, too.
            try peer.peek(5)
            peer.reset()
        }
        #expect((subject.reason as? ConnectionLost)?.errno == ECONNRESET)
    }

    @Test("S4: what dataReceived throws closes the connection, and is the reason", arguments: StreamKind.allCases)
    func dataReceivedThrows(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onData = { me, _ in
            me.transport.write("sorry")
            throw Refusal()
        }
        let outcome = try kind.run(subject) { peer in
            try peer.send("x")
            #expect(String(decoding: try peer.receiveToEnd(), as: UTF8.self) == "sorry")
        }
        #expect(outcome.peerError == nil)
        #expect(subject.reason is Refusal)
        #expect(subject.losses == 1)
    }

    @Test(
        "S4: what connectionMade throws closes the connection, delivers nothing, and is the reason (Twisted: D3)",
        arguments: StreamKind.allCases)
    func connectionMadeThrows(kind: StreamKind) throws {
        let subject = Recorder()
        let hasSent = Handoff()
        subject.onMade = { me in
            // There is something to be delivered by now.
            #expect(hasSent.wait())
            me.transport.write("welcome")
            throw Refusal()
        }
        let outcome = try kind.run(subject) { peer in
            try peer.send("hello")
            // Before the end: what comes after it is answered by a reset where all before it had been read.
            try peer.send("hello?")
            hasSent.finish(true)
            #expect(try peer.receiveText(7) == "welcome")
            #expect(peer.waitForEnd() == 0, "\(kind)")
        }
        #expect(outcome.peerError == nil)
        #expect(subject.events == [.made, .lost])
        #expect(subject.reason is Refusal)
    }

    @Test("S5: nothing is delivered after loseConnection", arguments: StreamKind.allCases)
    func nothingAfterLoseConnection(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onData = { me, _ in me.transport.loseConnection() }
        try kind.run(subject, adjust: { $0.receiveBufferSize = 10 }) { peer in
            try peer.send(Array(repeating: 65, count: 1000))
            _ = peer.waitForEnd()
        }
        #expect(subject.events.count == 3)
        #expect(subject.reason is ConnectionDone)
    }

    @Test("S5: nothing is delivered after abortConnection", arguments: StreamKind.allCases)
    func nothingAfterAbortConnection(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onData = { me, _ in me.transport.abortConnection() }
        try kind.run(subject, adjust: { $0.receiveBufferSize = 10 }) { peer in
            try peer.send(Array(repeating: 65, count: 1000))
            _ = peer.waitForEnd()
        }
        #expect(subject.events.count == 3)
    }

    @Test("S6, W1: in connectionLost the transport is usable and inert", arguments: StreamKind.allCases)
    func inertAfterTheEnd(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onLost = { me in
            me.transport.write("into the void")
            me.transport.loseConnection()
            me.transport.abortConnection()
            me.transport.pauseProducing()
            me.transport.resumeProducing()
            me.transport.noDelay = true
            #expect(!me.transport.isConnected)
            if kind.hasSocket { #expect(me.transport.peer.port != 0) }
        }
        try kind.run(subject) { peer in try peer.send("x") }
        #expect(subject.losses == 1)
    }

    @Test("S6: host and peer are the two ends, also when the connection is lost", arguments: StreamKind.withPeerSocket)
    func addresses(kind: StreamKind) throws {
        let subject = Recorder()
        var (host, peer) = (SocketAddress.unspecified, SocketAddress.unspecified)
        subject.onMade = { me in peer = me.transport.peer }
        // For the first time when all is over.
        subject.onLost = { me in host = me.transport.host }
        let seen = Lock<[SocketAddress]>([])
        try kind.run(subject) { peer in
            let socket = Socket(descriptor: peer.descriptor)
            let addresses = [try socket.localAddress(), try socket.peerAddress()]
            seen.withLock { $0 = addresses }
        }
        #expect([peer, host] == seen.withLock { $0 })
        #expect([subject.transport.peer, subject.transport.host] == [peer, host])
    }

    @Test(
        "S8: after connectionLost nothing keeps the protocol; it keeps transport, factory and reactor",
        arguments: StreamKind.allCases)
    func noLeak(kind: StreamKind) throws {
        weak var lostProtocol: Recorder?
        weak var lostTransport: Transport?
        weak var lostReactor: Reactor?
        try {
            let subject = Recorder()
            try kind.run(subject) { peer in try peer.send("x") }
            (lostProtocol, lostTransport, lostReactor) = (subject, subject.transport, subject.reactor)
            #expect(subject.reactor.seconds > 0)
            subject.transport.write("late")
            subject.whenLost = {}
        }()
        #expect(lostProtocol == nil)
        #expect(lostTransport == nil)
        #expect(lostReactor == nil)
    }

    @Test("S9: writing to a peer that has gone raises no signal", arguments: StreamKind.allCases)
    func noSIGPIPE(kind: StreamKind) throws {
        let subject = HalfCloseRecorder()
        subject.onReadLost = { me in
            func writeOn() {
                me.transport.write("x")
                if me.reason == nil { me.reactor.callLater(.milliseconds(1), writeOn) }
            }
            writeOn()
        }
        subject.onMade = { me in me.transport.write("!") }
        try kind.run(subject) { peer in _ = try peer.receive(1) }
        #expect(subject.ends == ["read", "lost"])
        #expect(subject.reason is ConnectionLost)
    }
}
