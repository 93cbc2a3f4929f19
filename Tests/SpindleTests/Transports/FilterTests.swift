import TestCarriers
import Testing

@_spi(Carriers) @testable import Spindle

/// What a filter sees of a connection, and what the wire sees of a filter. The rules of the contract are tested on kinds of
/// stream that have one.
@Suite(.ownThreads) struct FilterTests {
    /// Unmasked text of one frame that begins at `start`.
    private static func frame(_ wire: [UInt8], at start: Int) -> String {
        let length = Int(wire[start]) << 8 | Int(wire[start + 1])
        return String(decoding: wire[start + 3..<start + 3 + length].map { $0 ^ wire[start + 2] }, as: UTF8.self)
    }

    /// A frame with a mask of nothing.
    private static func framed(_ text: String) -> [UInt8] { [0, UInt8(text.utf8.count), 0] + Array(text.utf8) }

    /// Has the connection of `me` go on through a filter.
    private static func insert(on me: Recorder, handingOver rest: RawSpan = RawSpan()) {
        (me.transport as? StreamTransport)?.insert(MaskingFilter(), handingOver: rest)
    }

    @Test("W2: what is written in one callback is one frame and one send")
    func gathered() throws {
        let reactor = try Reactor(options: .forTests)
        let subject = Recorder()
        subject.onData = { me, _ in
            for _ in 0..<10 { me.transport.write([UInt8](repeating: 97, count: 100)) }
            #expect(me.reactor.statistics.bytesWritten == 1000, "plaintext is counted")
        }
        var next: Recorder? = subject
        let port = try reactor.listenTCP(0, Factory { next.take() }, interface: "127.0.0.1")
        port.makeFilter = { MaskingFilter() }
        try reactor.run {
            let peer = try Peer.connect(to: port.address)
            try peer.send(Array("mask".utf8) + Self.framed("x"))
            try await reactor.until { subject.receivedText == "x" }
            let wire = try peer.receive(4 + 3 + 1000)
            #expect(
                wire.starts(with: Array("mask".utf8)) && Self.frame(wire, at: 4) == String(repeating: "a", count: 1000))
            #expect(reactor.statistics.bytesReceived == 1)
            peer.close()
            try await reactor.until { subject.losses == 1 }
        }
        #expect(subject.reason as? MaskingFilter.Failure == .truncated)
    }

    @Test(
        "in mid-connection: clear bytes before it leave in clear, those after it wait, and what is unread is the filter's"
    )
    func inserted() throws {
        let subject = Recorder()
        var protocols: [ObjectIdentifier] = []
        subject.onData = { me, data in
            protocols.append(ObjectIdentifier(me.transport))
            guard me.received.starts(with: Array("go".utf8)), me.received.count < 10 else { return }
            me.transport.write("clear")
            Self.insert(on: me, handingOver: data.extracting(2...))
            me.transport.write("masked")
        }
        let outcome = try StreamKind.tcp4.run(subject) { peer in
            try peer.send("go" + "ma")
            let early = try peer.receive(9)
            #expect(String(decoding: early, as: UTF8.self) == "clearmask")
            try peer.send(Array("sk".utf8) + Self.framed("0123456789") + [0, 0, 0])
            #expect(Self.frame(try peer.receive(3 + 6), at: 0) == "masked")
            #expect(try peer.receiveToEnd().count == 3, "the last frame")
        }
        #expect(outcome.peerError == nil)
        #expect(subject.receivedText == "goma0123456789" && Set(protocols).count == 1)
        #expect(subject.reason is ConnectionDone)
    }

    @Test(
        "W3: closing waits for the filter to begin if something was written, and not otherwise",
        arguments: [true, false])
    func closedEarly(writes: Bool) throws {
        let subject = Recorder()
        subject.onData = { me, data in
            Self.insert(on: me, handingOver: data.extracting(1...))
            if writes { me.transport.write("last words") }
            me.transport.loseConnection()
        }
        let outcome = try StreamKind.tcp4.run(subject) { peer in
            try peer.send("x")
            if writes {
                try peer.send("mask")
                let wire = try peer.receiveToEnd()
                #expect(Self.frame(wire, at: 4) == "last words" && wire.count == 4 + 3 + 10 + 3)
            } else {
                #expect(try peer.receiveToEnd().isEmpty)
            }
        }
        #expect(outcome.peerError == nil)
        #expect(subject.reason is ConnectionDone)
    }

    @Test("P2, P3: what waits for the filter to begin counts: a producer is paused, and resumed when it has left")
    func marks() throws {
        let subject = Recorder()
        let producer = CountingProducer(pieces: 20, size: 10_000)
        let isPaused = Handoff()
        producer.onPause = { isPaused.finish(true) }
        var hasDrained = false
        subject.onData = { me, data in
            Self.insert(on: me, handingOver: data.extracting(1...))
            producer.transport = me.transport
            try me.transport.registerProducer(producer, streaming: true)
            producer.produce()
            #expect(me.transport.isBackedUp && "\(me.transport)".contains("70000 bytes to send"))
            me.reactor.spawn {
                try await me.transport.drained()
                hasDrained = true
            }
        }
        let outcome = try StreamKind.tcp4.run(subject) { peer in
            try peer.send("x")
            #expect(isPaused.wait())
            try peer.send("mask")
            // Twenty pieces, a header for each frame, the hello and the last frame.
            #expect(try peer.receive(4 + 200_000).count == 200_004)
            peer.reset()
        }
        #expect(outcome.peerError == nil)
        #expect(producer.pauses >= 1 && hasDrained)
    }

    @Test("switching twice in one callback loses nothing of what the first left")
    func switchedTwice() throws {
        let subject = Recorder()
        let (never, last) = (Recorder(), Recorder())
        subject.unused = Array("kept ".utf8)
        subject.onData = { me, data in
            last.whenLost = me.whenLost
            me.transport.switchProtocol(to: never, handingOver: data.extracting(3...))
            never.unused = Array("more".utf8)
            me.transport.switchProtocol(to: last)
        }
        try StreamKind.tcp4.run(subject) { peer in
            try peer.send("abcdef ")
            peer.finishSending()
            _ = peer.waitForEnd()
        }
        #expect(never.events.isEmpty)
        #expect(last.receivedText == "def kept more")
    }
}
