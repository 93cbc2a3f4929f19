import Spindle
import SpindleTLS
import TestSupport
import Testing

@Suite(.ownThreads) struct DataTests {
    @Test("W7: ten megabytes both ways at once arrive as they were sent", arguments: [TLSVersion.tls12, .tls13])
    func bulk(version: TLSVersion) throws {
        let total = 10 << 20
        let bytes = (0..<65_537).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        let reactor = try Reactor()
        let (server, client) = (Recorder(), ClientRecorder())
        var wrong = 0
        for side in [server, client.made] {
            side.keepsNothing = true
            side.onMade = { me in
                for start in stride(from: 0, to: total, by: bytes.count) {
                    me.transport.write(Array(bytes.prefix(total - start)))
                }
            }
            side.onData = { me, data in
                var offset = (me.receivedCount - data.byteCount) % bytes.count
                for index in stride(from: 0, to: data.byteCount, by: 97) {
                    offset = (me.receivedCount - data.byteCount + index) % bytes.count
                    if data[index] != bytes[offset] { wrong += 1 }
                }
            }
        }
        let port = try reactor.listenTLS(0, .once(server), Certificates.server(), interface: "127.0.0.1")
        try reactor.run(limit: .seconds(20)) {
            let configuration = try Certificates.client { $0.maximumVersion = version }
            reactor.connectTLS("localhost", port.address.port!, client, configuration)
            try await reactor.until { server.receivedCount == total && client.made.receivedCount == total }
            client.made.transport.loseConnection()
            try await reactor.until { client.isOver }
        }
        #expect(wrong == 0 && client.made.reason is ConnectionDone)
    }

    @Test("W2: ten writes of one callback are one record, and pieces of all sizes arrive in order")
    func gathered() throws {
        let reactor = try Reactor()
        let (server, client) = (Recorder(), ClientRecorder())
        client.made.onMade = { me in for _ in 0..<10 { me.transport.write([UInt8](repeating: 97, count: 100)) } }
        let port = try reactor.listenTLS(0, .once(server), Certificates.server(), interface: "127.0.0.1")
        var expected = [UInt8](repeating: 97, count: 1000)
        try reactor.run(limit: .seconds(20)) {
            reactor.connectTLS("localhost", port.address.port!, client, try Certificates.client())
            try await reactor.until { server.receivedCount == 1000 }
            #expect(server.pieces == 1)
            for size in [1, 16_383, 16_384, 16_385, 3, 65_536, 5, 40_000, 100_000, 16_384] {
                let piece = [UInt8](repeating: UInt8(truncatingIfNeeded: size &* 7), count: size)
                expected += piece
                client.made.transport.write(piece)
            }
            try await reactor.until { server.receivedCount == expected.count }
            client.made.transport.abortConnection()
            try await reactor.until { client.isOver && server.reason != nil }
        }
        #expect(server.received == expected)
        #expect(client.made.reason is ConnectionAborted && server.reason is ConnectionLost)
    }

    @Test("P2: a producer is paused and resumed over TLS as it is without")
    func producer() throws {
        let reactor = try Reactor()
        let (server, client) = (Recorder(), ClientRecorder())
        server.keepsNothing = true
        let pieces = Pieces(400)
        server.onMade = { me in me.transport.pauseProducing() }
        client.made.onMade = { me in
            pieces.transport = me.transport
            try me.transport.registerProducer(pieces, streaming: true)
            pieces.resumeProducing()
        }
        let port = try reactor.listenTLS(0, .once(server), Certificates.server(), interface: "127.0.0.1")
        try reactor.run(limit: .seconds(20)) {
            reactor.connectTLS("localhost", port.address.port!, client, try Certificates.client())
            try await reactor.until { pieces.pauses > 0 && server.isMade }
            server.transport.resumeProducing()
            try await reactor.until { server.receivedCount == 400 * 30_000 }
            client.made.transport.loseConnection()
            try await reactor.until { client.isOver }
        }
        #expect(client.made.reason is ConnectionDone)
    }

    private final class Pieces: Producer {
        private var left: Int
        private var isPaused = false
        var transport: Transport?
        private(set) var pauses = 0
        init(_ count: Int) { left = count }
        func pauseProducing() {
            pauses += 1
            isPaused = true
        }
        func resumeProducing() {
            isPaused = false
            while left > 0, !isPaused {
                left -= 1
                transport?.write([UInt8](repeating: 1, count: 30_000))
            }
            if left == 0 { transport.take()?.unregisterProducer() }
        }
        func stopProducing() { transport = nil }
    }
}
