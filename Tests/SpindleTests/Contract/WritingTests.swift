import Glibc
import Spindle
import Testing

/// Rules W1, W2 and W7 of the contract: what is written arrives.
@Suite(.ownThreads) struct WritingTests {
    @Test("W1: before it is connected a protocol writes into nothing")
    func beforeConnecting() {
        let subject = Recorder()
        subject.transport.write("nobody hears")
        subject.transport.loseConnection()
        subject.transport.abortConnection()
        #expect(!subject.transport.isConnected)
        #expect(subject.reactor.callLater(.zero) {}.isActive)
        #expect(throws: ReactorNotRunning.self) { try subject.reactor.run() }
        #expect(subject.factory.buildProtocol(.unspecified) == nil)
    }

    @Test("W1: writes of any size arrive in order", arguments: StreamKind.allCases)
    func order(kind: StreamKind) throws {
        // Around the sizes at which writes are gathered, sent at once or kept.
        let sizes = [1, 100, 4095, 4096, 4097, 3, 65_535, 65_536, 65_537, 1, 1_000_000, 10, 300_000, 7]
        let pieces = sizes.enumerated().map { index, size in [UInt8](repeating: UInt8(index + 1), count: size) }
        let subject = Recorder()
        subject.onData = { me, _ in
            me.transport.writeSequence(pieces)
            me.transport.loseConnection()
        }
        let outcome = try kind.run(subject) { peer in
            try peer.send("go")
            let received = try peer.receiveToEnd()
            #expect(received == pieces.reduce(into: []) { $0 += $1 })
        }
        #expect(outcome.peerError == nil)
    }

    /// The kinds on which a peer can tell how often the other side called send. For UNIX sockets see UNIXGatheringTests.
    static let countable = StreamKind.allCases.filter(\.isTCP)

    @Test("W2: ten writes in one dataReceived leave in one send", arguments: countable)
    func gathered(kind: StreamKind) throws {
        let subject = Recorder()
        let piece = [UInt8](repeating: 46, count: 100)
        subject.onData = { me, _ in for _ in 0..<10 { me.transport.write(piece) } }
        let outcome = try kind.run(subject) { peer in
            try peer.send("go")
            _ = try peer.receive(1000)
            #expect(peer.segmentsReceived == 1)
        }
        #expect(outcome.peerError == nil)
    }

    @Test("W2: writes from a timer, a task or a thread call leave together too", arguments: countable)
    func gatheredElsewhere(kind: StreamKind) throws {
        let subject = Recorder()
        func writeTen(_ text: String) { for _ in 0..<10 { subject.transport.write(text) } }
        subject.onData = { me, data in
            switch String(decoding: data) {
            case "timer": me.reactor.callLater(.zero) { writeTen("t") }
            case "task":
                me.reactor.spawn {
                    try await me.reactor.sleep(.milliseconds(1)).value()
                    writeTen("a")
                }
            default:
                let bound = me.reactor.bound(me)
                bound.handle.callFromThread { reactor in
                    for _ in 0..<10 { bound.value(on: reactor).transport.write("c") }
                }
            }
        }
        let outcome = try kind.run(subject) { peer in
            for (number, way) in ["timer", "task", "thread"].enumerated() {
                try peer.send(way)
                _ = try peer.receive(10)
                #expect(peer.segmentsReceived == number + 1)
            }
        }
        #expect(outcome.peerError == nil)
    }

    // The filter and the memory that filteredMemory puts together are tested each by itself; both on one thread, without
    // optimization, would be the slowest part of the suite.
    @Test(
        "W7: 256 MiB in both directions at once arrive byte for byte",
        arguments: StreamKind.allCases.filter { $0 != .filteredMemory })
    func largeTransfer(kind: StreamKind) throws {
        let total = 256 << 20
        let subject = Recorder()
        subject.keepsNothing = true
        subject.onData = { me, data in me.transport.write(data) }
        let outcome = try kind.run(subject) { peer in
            let sender = ScriptThread {
                guard (try? peer.send(total, of: .reference)) != nil else { return }
                peer.finishSending()
            }
            defer { sender.join() }
            let received = try peer.receiveToEnd(comparingWith: .reference)
            #expect(received == total)
        }
        #expect(outcome.peerError == nil)
        #expect(subject.reason is ConnectionDone)
    }
}
