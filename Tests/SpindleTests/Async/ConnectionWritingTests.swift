import Glibc
import Spindle
import Testing

/// Writing to a `Connection` and closing it, on every transport.
@Suite(.ownThreads) struct ConnectionWritingTests {
    @Test("W3: dropping a connection closes it, after all that was written", arguments: StreamKind.allCases)
    func dropping(kind: StreamKind) throws {
        weak var dropped: Connection?
        try kind.serve { peer in
            let count = try peer.receiveToEnd(comparingWith: .reference)
            #expect(count == 3_000_000)
        } _: { connection in
            dropped = connection
            connection.transport.write(Peer.Pattern.reference.repeated(to: 3_000_000))
        }
        #expect(dropped == nil)
    }

    @Test(
        "P2, P3: a writer waits for a slow peer, and holds no more than the high mark back",
        arguments: StreamKind.allCases)
    func slowPeer(kind: StreamKind) throws {
        let total = 4_000_000
        var waits = 0
        try kind.serve(receiveBuffer: 16_384) { peer in
            let count = try peer.receiveToEnd(comparingWith: .reference)
            #expect(count == total)
        } _: { connection in
            let bytes = Peer.Pattern.reference.bytes
            let reactor = connection.transport.reactor
            var sent = 0
            while sent < total {
                let start = sent % bytes.count
                let count = min(10_000, bytes.count - start, total - sent)
                let pass = reactor.passes
                try await connection.write(Array(bytes[start..<(start + count)]))
                if reactor.passes > pass { waits += 1 }
                try #require(!connection.transport.isBackedUp)
                sent += count
            }
        }
        // Whatever the kernel took: no pass has seen more than the high mark and a piece.
        #expect(waits >= total / (WaterMarks.standard.high + 10_000) - 1)
    }

    @Test("W6: after a half close the peer sees the end, and its answer is read", arguments: StreamKind.allCases)
    func halfClose(kind: StreamKind) throws {
        try kind.serve { peer in
            let rest = try peer.receiveToEnd()
            #expect(rest == Array("question".utf8))
            try peer.send("answer")
        } _: { connection in
            try await connection.write("question")
            connection.transport.loseWriteConnection()
            var answer = ""
            for try await chunk in connection.bytes { answer += String(decoding: chunk, as: UTF8.self) }
            #expect(answer == "answer")
        }
    }

    @Test("W3: close() returns when all has been sent, and again at once", arguments: StreamKind.allCases)
    func closing(kind: StreamKind) throws {
        try kind.serve { peer in
            let count = try peer.receiveToEnd(comparingWith: .reference)
            #expect(count == 3_000_000)
        } _: { connection in
            connection.transport.write(Peer.Pattern.reference.repeated(to: 3_000_000))
            try await connection.close()
            #expect(!connection.transport.isConnected)
            try await connection.close()
        }
    }

    @Test("S3: close(), read and write throw what the connection was lost by", arguments: StreamKind.allCases)
    func lost(kind: StreamKind) throws {
        guard kind.knowsResets else { return }
        try kind.serve { peer in
            let received = try peer.receive(1)
            #expect(received == [1])
            peer.reset()
        } _: { connection in
            try await connection.write([1])
            await #expect(throws: ConnectionLost(errno: ECONNRESET)) { try await connection.read { _ in } }
            await #expect(throws: ConnectionLost(errno: ECONNRESET)) { try await connection.write("x") }
            await #expect(throws: ConnectionLost(errno: ECONNRESET)) { try await connection.close() }
        }
    }

    @Test("W5: an abort is what reader and writer are told", arguments: StreamKind.allCases)
    func aborted(kind: StreamKind) throws {
        try kind.serve { peer in
            _ = peer.waitForEnd()
        } _: { connection in
            let reader = connection.transport.reactor.spawn { try await connection.read { _ in } }
            connection.transport.abortConnection()
            await #expect(throws: ConnectionAborted()) { try await reader.value() }
            await #expect(throws: ConnectionAborted()) { try await connection.write("x") }
        }
    }

    @Test("W3: writing to a connection that is closing throws", arguments: StreamKind.allCases)
    func writingWhileClosing(kind: StreamKind) throws {
        try kind.serve { peer in
            let rest = try peer.receiveToEnd()
            #expect(rest == Array("before".utf8))
        } _: { connection in
            try await connection.write("before")
            connection.transport.loseConnection()
            await #expect(throws: ConnectionDone()) { try await connection.write("after") }
        }
    }

    @Test(
        "H4: a writer that is cancelled while it waits stops waiting, and its bytes are sent",
        arguments: StreamKind.allCases)
    func cancelledWriter(kind: StreamKind) throws {
        let ready = Lock(false)
        try kind.serve { peer in
            while !ready.withLock({ $0 }) { usleep(1000) }
            let count = try peer.receiveToEnd().count
            #expect(count == 30_000_000)
        } _: { connection in
            let reactor = connection.transport.reactor
            var thrown: (any Error)?
            let writer = reactor.spawn {
                do { try await connection.write([UInt8](repeating: 1, count: 30_000_000)) } catch { thrown = error }
            }
            writer.addErrback { _ in }
            try await reactor.until { connection.transport.isBackedUp }
            writer.cancel()
            try await reactor.until { thrown != nil }
            #expect(thrown is CancelledError)
            ready.withLock { $0 = true }
        }
    }

    @Test("R3: who writes to a peer that keeps up lets others have their turn")
    func fairness() throws {
        try StreamKind.tcp4.serve { peer in
            let count = try peer.receiveToEnd(comparingWith: Peer.Pattern(bytes: Array(repeating: 7, count: 65_536)))
            #expect(count == 8 << 20)
        } _: { connection in
            let reactor = connection.transport.reactor
            let before = reactor.passes
            let block = [UInt8](repeating: 7, count: 4096)
            for _ in 0..<(8 << 20) / block.count { try await connection.write(block) }
            #expect(reactor.passes - before >= (8 << 20) / (WaterMarks.standard.high + block.count) - 1)
        }
    }

    @Test("an echo of everything, both directions at once", arguments: StreamKind.allCases)
    func echo(kind: StreamKind) throws {
        let total = 20_000_000
        try kind.serve { peer in
            let sender = ScriptThread {
                try? peer.send(total, of: .reference)
                peer.finishSending()
            }
            let count = try peer.receiveToEnd(comparingWith: .reference)
            #expect(count == total)
            sender.join()
        } _: { connection in
            for try await chunk in connection.bytes { try await connection.write(chunk) }
        }
    }
}
