import CLinux
import Glibc
import Spindle
import Synchronization
import Testing

/// Reading from a `Connection`, on every transport.
@Suite(.ownThreads) struct ConnectionReadingTests {
    @Test(
        "H4, S3: bytes arrive in order, on the reactor's thread, and end where the peer finishes",
        arguments: StreamKind.allCases)
    func toTheEnd(kind: StreamKind) throws {
        let pattern = Peer.Pattern.reference
        var threads: Set<Int32> = [spindle_thread_id()]
        try kind.serve { peer in
            try peer.send(1_000_000, of: pattern)
            peer.finishSending()
            let rest = try peer.receiveToEnd()
            #expect(rest == Array("thanks".utf8))
        } _: { connection in
            var received: [UInt8] = []
            for try await chunk in connection.bytes {
                threads.insert(spindle_thread_id())
                received += chunk
            }
            threads.insert(spindle_thread_id())
            #expect(received.count == 1_000_000)
            #expect(received == pattern.repeated(to: received.count))
            // W6: the other direction is open.
            try await connection.write("thanks")
        }
        #expect(threads.count == 1)
    }

    @Test("S1: what came before anybody reads is there for the first who does", arguments: StreamKind.allCases)
    func before(kind: StreamKind) throws {
        try kind.serve { peer in
            try peer.send("early")
            let rest = try peer.receiveToEnd()
            #expect(rest == [])
        } _: { connection in
            try await connection.transport.reactor.until { connection.stream.unreadCount == 5 }
            let text = try await connection.read { "\($0)" }
            #expect(text == "early")
        }
    }

    @Test(
        "P4: with nobody reading no more than a receive buffer or so is received, and nothing is lost",
        arguments: StreamKind.allCases)
    func backPressure(kind: StreamKind) throws {
        let total = 24 << 20
        let sent = Lock(0)
        try kind.serve { peer in
            let block = [UInt8](repeating: 7, count: 1 << 16)
            for _ in 0..<(total / block.count) {
                try peer.send(block)
                sent.withLock { $0 += block.count }
            }
            peer.finishSending()
        } _: { connection in
            let reactor = connection.transport.reactor
            let most = 16 * 1024 + reactor.options.receiveBufferSize
            try await reactor.until { connection.transport.isPaused }
            var received = 0
            while let count = try await connection.read({ $0.byteCount }) {
                received += count
                // Time for more to come in, as much as may.
                try await reactor.sleep(.zero).value()
                try #require(connection.stream.unreadCount <= most)
                // The kernel holds the rest, as far as it does: beyond that the peer waits.
                let ahead = sent.withLock { $0 } - received
                try #require(ahead < 20 << 20)
            }
            #expect(received == total)
        }
    }

    @Test(
        "P4: while nobody reads a paused connection still learns of a reset, behind what was received",
        arguments: StreamKind.allCases)
    func resetUnread(kind: StreamKind) throws {
        guard kind.knowsResets else { return }
        try kind.serve { peer in
            try peer.send("last words")
            let received = try peer.receive(1)
            #expect(received == [1])
            peer.reset()
        } _: { connection in
            let reactor = connection.transport.reactor
            try await reactor.until { connection.stream.unreadCount == 10 }
            try await connection.write([1])
            try await reactor.until { !connection.transport.isConnected }
            var texts: [String] = []
            await #expect(throws: ConnectionLost(errno: ECONNRESET)) {
                for try await chunk in connection.bytes { texts.append(String(decoding: chunk, as: UTF8.self)) }
            }
            #expect(texts == ["last words"])
            // It is no secret afterwards.
            await #expect(throws: ConnectionLost(errno: ECONNRESET)) { try await connection.read { _ in } }
        }
    }

    @Test("S3: a reset is thrown out of the loop", arguments: StreamKind.allCases)
    func resetWhileReading(kind: StreamKind) throws {
        guard kind.knowsResets else { return }
        try kind.serve { peer in
            try peer.send("x")
            let received = try peer.receive(1)
            #expect(received == Array("y".utf8))
            peer.reset()
        } _: { connection in
            var chunks = 0
            await #expect(throws: ConnectionLost(errno: ECONNRESET)) {
                for try await _ in connection.bytes {
                    chunks += 1
                    try await connection.write("y")
                }
            }
            #expect(chunks == 1)
        }
    }

    @Test(
        "S7: the peer's end comes behind what is unread, paused or not", arguments: StreamKind.allCases, [1, 200_000])
    func endBehindUnread(kind: StreamKind, count: Int) throws {
        try kind.serve { peer in
            try peer.send([UInt8](repeating: 1, count: count))
            peer.finishSending()
            let rest = try peer.receiveToEnd()
            #expect(rest == [])
        } _: { connection in
            let reactor = connection.transport.reactor
            try await reactor.until { connection.stream.unreadCount > 0 }
            for _ in 0..<3 { try await reactor.sleep(.milliseconds(1)).value() }
            var received = 0
            for try await chunk in connection.bytes { received += chunk.count }
            #expect(received == count)
            let afterwards: Void? = try await connection.read { _ in }
            #expect(afterwards == nil)
        }
    }

    @Test("what one loop leaves is there for the next", arguments: StreamKind.allCases)
    func leaving(kind: StreamKind) throws {
        try kind.serve { peer in
            try peer.send("one")
            let received = try peer.receiveText(2)
            #expect(received == "ok")
            try peer.send("two")
            peer.finishSending()
        } _: { connection in
            for try await chunk in connection.bytes {
                #expect(chunk == Array("one".utf8))
                break
            }
            try await connection.write("ok")
            var rest = ""
            for try await chunk in connection.bytes { rest += String(decoding: chunk, as: UTF8.self) }
            #expect(rest == "two")
        }
    }

    struct Refusal: Error {}

    @Test("what is thrown while bytes are lent leaves them unread")
    func throwing() throws {
        try StreamKind.tcp4.serve { peer in
            try peer.send("again")
            peer.finishSending()
        } _: { connection in
            await #expect(throws: Refusal.self) { try await connection.read { _ in throw Refusal() } }
            let text = try await connection.read { "\($0)" }
            #expect(text == "again")
        }
    }

    @Test("a second reader is told so, and the first is not disturbed", arguments: StreamKind.allCases)
    func twoReaders(kind: StreamKind) throws {
        try kind.serve { peer in
            let received = try peer.receiveText(2)
            #expect(received == "go")
            try peer.send("for the first")
            peer.finishSending()
        } _: { connection in
            let reactor = connection.transport.reactor
            let first = reactor.spawn { try await connection.read { "\($0)" } }
            await #expect(throws: AlreadyReadingError()) { try await connection.read { "\($0)" } }
            await #expect(throws: AlreadyReadingError()) { for try await _ in connection.bytes {} }
            try await connection.write("go")
            let text = try await first.value()
            #expect(text == "for the first")
        }
    }

    @Test("H4: a cancelled reader stops, and takes nothing from who reads next", arguments: StreamKind.allCases)
    func cancelling(kind: StreamKind) throws {
        try kind.serve { peer in
            let received = try peer.receiveText(2)
            #expect(received == "go")
            try peer.send("for the next")
            peer.finishSending()
        } _: { connection in
            let reactor = connection.transport.reactor
            var outcome: Result<String?, any Error>?
            let first = reactor.spawn {
                do { outcome = .success(try await connection.read { "\($0)" }) } catch { outcome = .failure(error) }
            }
            first.addErrback { _ in }
            first.cancel()
            try await reactor.until { outcome != nil }
            #expect(throws: CancelledError.self) { try outcome?.get() }
            try await connection.write("go")
            let text = try await connection.read { "\($0)" }
            #expect(text == "for the next")
        }
    }

    @Test("H4: a cancellation that comes late does not reach the next reader")
    func lateCancelling() throws {
        try StreamKind.tcp4.serve { peer in
            try peer.send("first")
            let received = try peer.receiveText(2)
            #expect(received == "go")
            try peer.send("second")
            peer.finishSending()
        } _: { connection in
            let reactor = connection.transport.reactor
            // Resumed already, with its bytes, when it is cancelled.
            var text: String?
            var first: Deferred<Void>?
            first = reactor.spawn { text = try await connection.read { "\($0)" } }
            first?.addErrback { _ in }
            try await reactor.until { connection.stream.unreadCount > 0 || text != nil }
            first?.cancel()
            // Waits as the first did, and finds a wake-up on its way that is not for it.
            let second = reactor.spawn { () -> String? in
                try await reactor.until { text != nil }
                return try await connection.read { "\($0)" }
            }
            try await connection.write("go")
            let answer = try await second.value()
            #expect(answer == "second")
        }
    }

    @Test("H4: a reader whose task was cancelled before does not read, not even what is there")
    func cancelledBefore() throws {
        try StreamKind.tcp4.serve { peer in
            try peer.send("x")
            let rest = try peer.receiveToEnd()
            #expect(rest == [])
        } _: { connection in
            let reactor = connection.transport.reactor
            try await reactor.until { connection.stream.unreadCount == 1 }
            let gate = Deferred<Void>(canceller: { try? $0.callback(()) })
            var thrown: (any Error)?
            let task = reactor.spawn {
                try await gate.value()
                do { _ = try await connection.read { _ in } } catch { thrown = error }
            }
            task.addErrback { _ in }
            task.cancel()
            try await reactor.until { thrown != nil }
            #expect(thrown is CancelledError)
            #expect(connection.stream.unreadCount == 1)
        }
    }

    @Test("S5: what is closed on this side is not read any more", arguments: StreamKind.allCases)
    func closedHere(kind: StreamKind) throws {
        try kind.serve { peer in
            try peer.send("unread")
            let rest = try peer.receiveToEnd()
            #expect(rest == [])
        } _: { connection in
            try await connection.transport.reactor.until { connection.stream.unreadCount == 6 }
            try await connection.close()
            let read: Void? = try await connection.read { _ in }
            #expect(read == nil)
        }
    }

    @Test(
        "another protocol takes over with what is unread; for the reader that is the end",
        arguments: StreamKind.allCases)
    func switching(kind: StreamKind) throws {
        let successor = Recorder()
        successor.onData = { me, _ in if me.receivedText == "rest, more" { me.transport.loseConnection() } }
        try kind.serve { peer in
            try peer.send("rest")
            let received = try peer.receiveText(2)
            #expect(received == "go")
            try peer.send(", more")
            let rest = try peer.receiveToEnd()
            #expect(rest == [])
        } _: { connection in
            let reactor = connection.transport.reactor
            try await reactor.until { connection.stream.unreadCount == 4 }
            try await connection.write("go")
            connection.transport.switchProtocol(to: successor)
            try await reactor.sleep(.zero).value()
            let read: Void? = try await connection.read { _ in }
            #expect(read == nil)
            await #expect(throws: ConnectionDone()) { try await connection.write("too late") }
            try await reactor.until { successor.losses == 1 }
        }
        #expect(successor.receivedText == "rest, more")
    }
}
