import Spindle
import Testing

/// What becomes of a `Connection` whose transport another protocol takes over.
@Suite(.ownThreads) struct ConnectionSwitchingTests {
    @Test("P4: the new protocol receives from a peer that was held back", arguments: StreamKind.allCases)
    func heldBack(kind: StreamKind) throws {
        let total = 1_000_000
        let successor = Recorder()
        successor.onData = { me, _ in if me.received.count == total { me.transport.loseConnection() } }
        try kind.serve { peer in
            try peer.send([UInt8](repeating: 7, count: total))
            let rest = try peer.receiveToEnd()
            #expect(rest == [])
        } _: { connection in
            let reactor = connection.transport.reactor
            try await reactor.until { connection.transport.isPaused }
            connection.transport.switchProtocol(to: successor)
            try await reactor.until { successor.losses == 1 }
        }
        #expect(successor.received.count == total)
    }

    @Test("S3: the new protocol hears of a peer that has finished before", arguments: StreamKind.allCases)
    func finishedBefore(kind: StreamKind) throws {
        let successor = Recorder()
        try kind.serve { peer in
            try peer.send("rest")
            peer.finishSending()
            let rest = try peer.receiveToEnd()
            #expect(rest == [])
        } _: { connection in
            let reactor = connection.transport.reactor
            try await reactor.until { connection.stream.hasEnded && connection.stream.unreadCount == 4 }
            connection.transport.switchProtocol(to: successor)
            try await reactor.until { successor.losses == 1 }
        }
        #expect(successor.receivedText == "rest")
        #expect(successor.reason is ConnectionDone)
    }

    @Test(
        "W3: closing a connection that another protocol has taken over leaves it to that",
        arguments: StreamKind.allCases)
    func closedAfter(kind: StreamKind) throws {
        let successor = Recorder()
        try kind.serve { peer in
            let received = try peer.receiveText(4)
            #expect(received == "open")
            peer.finishSending()
            let rest = try peer.receiveToEnd()
            #expect(rest == [])
        } _: { connection in
            let reactor = connection.transport.reactor
            connection.transport.switchProtocol(to: successor)
            try await reactor.sleep(.zero).value()
            try await connection.close()
            successor.transport.write("open")
            try await reactor.until { successor.losses == 1 }
        }
    }
}
