import Spindle
import SpindleTLS
import TestSupport
import Testing

/// Peers that speak no TLS, or stop speaking it.
@Suite(.ownThreads) struct HostileTests {
    /// Sends bytes to a client or a server of ours in place of a handshake, and returns what that makes of it.
    private static func answer(
        to bytes: [UInt8], ends: Bool = true, _ configuration: TLSConfiguration
    ) throws -> (TLSHandshakeError.Reason?, Duration) {
        let reactor = try Reactor()
        let (subject, other) = (ClientRecorder(), Recorder())
        other.onMade = { me in
            me.transport.write(bytes)
            if ends { me.transport.loseWriteConnection() }
        }
        let port = try reactor.listenTCP(0, .once(other), interface: "127.0.0.1")
        let begin = ContinuousClock.now
        var took = Duration.zero
        try reactor.run(limit: .seconds(20)) {
            reactor.connectTLS("127.0.0.1", port.address.port!, subject, configuration)
            try await reactor.until { subject.isOver }
            took = ContinuousClock.now - begin
        }
        return ((subject.failure as? TLSHandshakeError)?.reason, took)
    }

    @Test("a peer that speaks something else is quoted")
    func others() throws {
        let client = try Certificates.client()
        let ssh = try Self.answer(to: Array("SSH-2.0-OpenSSH_9.2\r\n".utf8), client).0
        #expect(ssh.map { "\($0)" } == "the peer speaks no TLS (it said: SSH-2.0-OpenSSH_9.2)")
        let garbage = try Self.answer(to: [22, 3, 1, 0, 5, 1, 2, 3, 4, 5], client).0
        guard case .other? = garbage else { throw Unexpected("\(String(describing: garbage))") }
        #expect(try Self.answer(to: [], client).0 == .endedByPeer)
        #expect(try Self.answer(to: [22, 3], client).0 == .endedByPeer)
    }

    private struct Unexpected: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    @Test("half a handshake and then silence: the time limit ends it")
    func silent() throws {
        let client = try Certificates.client { $0.handshakeTimeout = .milliseconds(50) }
        let (reason, took) = try Self.answer(to: [22, 3, 3, 0, 100, 2], ends: false, client)
        #expect(reason == .timedOut(.milliseconds(50)) && took >= .milliseconds(50))
    }

    @Test(
        "L2: a server builds no protocol for a peer that speaks HTTP, garbage or nothing",
        arguments: [
            "GET / HTTP/1.0\r\n\r\n", "", "\u{16}\u{3}\u{1}", "\u{16}\u{3}\u{1}\u{0}\u{2}ab", "\u{0}\u{0}\u{0}",
        ])
    func server(text: String) throws {
        let reactor = try Reactor()
        let server = Recorder()
        let port = try reactor.listenTLS(0, .once(server), Certificates.server(), interface: "127.0.0.1")
        let number = port.address.port!
        let isDone = Lock(false)
        let thread = ScriptThread {
            let peer = try? RawPeer(port: number)
            peer?.send(Array(text.utf8))
            peer?.finishSending()
            _ = peer?.receiveToEnd()
            isDone.withLock { $0 = true }
        }
        try reactor.run(limit: .seconds(20)) {
            try await reactor.until { isDone.withLock { $0 } && port.connectionCount == 0 }
        }
        thread.join()
        #expect(!server.isMade)
    }

    @Test(
        "what was changed on the way is noticed, wherever it was: in the handshake and behind it",
        arguments: [TLSVersion.tls12, .tls13])
    func forged(version: TLSVersion) throws {
        let configuration = try Certificates.client {
            $0.maximumVersion = version
            $0.handshakeTimeout = .milliseconds(200)
        }
        for place in stride(from: 0, to: 700, by: 53) {
            let reactor = try Reactor()
            let (server, client) = (Recorder.echo(), ClientRecorder())
            let port = try reactor.listenTLS(0, .once(server), Certificates.server(), interface: "127.0.0.1")
            let relay = try Relay(reactor, to: port) { data, count, transport in
                var bytes = Array(copying: data)
                if bytes.indices.contains(place - count) { bytes[place - count] ^= 0xff }
                transport.write(bytes)
            }
            client.made.onMade = { me in me.transport.write([UInt8](repeating: 1, count: 400)) }
            client.made.onData = { me, _ in if me.receivedCount == 400 { me.transport.loseConnection() } }
            // The length of a record may have grown, and then the server waits for the rest.
            reactor.callLater(.milliseconds(400)) { client.made.transport.abortConnection() }
            try reactor.run(limit: .seconds(20)) {
                reactor.connectTLS("127.0.0.1", relay.port.address.port!, client, configuration)
                try await reactor.until { client.isOver && port.connectionCount == 0 }
            }
            #expect(server.received.allSatisfy { $0 == 1 }, "byte \(place)")
            #expect(client.failure != nil || !(client.made.reason is ConnectionDone) || place > 400, "byte \(place)")
        }
    }

    @Test("a session that is cut anywhere is no clean end", arguments: [TLSVersion.tls12, .tls13])
    func cut(version: TLSVersion) throws {
        let configuration = try Certificates.client { $0.maximumVersion = version }
        for place in stride(from: 1, to: 800, by: 61) {
            let reactor = try Reactor()
            let (server, client) = (Recorder(), ClientRecorder())
            let port = try reactor.listenTLS(0, .once(server), Certificates.server(), interface: "127.0.0.1")
            let relay = try Relay(reactor, to: port) { data, count, transport in
                transport.write(data.extracting(first: max(0, min(place - count, data.byteCount))))
                if place <= count + data.byteCount { transport.loseConnection() }
            }
            client.made.onMade = { me in me.transport.write([UInt8](repeating: 1, count: 1000)) }
            try reactor.run(limit: .seconds(20)) {
                reactor.connectTLS("127.0.0.1", relay.port.address.port!, client, configuration)
                try await reactor.until { client.isOver && port.connectionCount == 0 }
            }
            if server.isMade { #expect((server.reason as? ConnectionLost)?.isTruncated == true, "byte \(place)") }
        }
    }

    @Test("segments of one byte", arguments: [TLSVersion.tls12, .tls13])
    func slow(version: TLSVersion) throws {
        let configuration = try Certificates.client { $0.maximumVersion = version }
        let reactor = try Reactor()
        let (server, client) = (Recorder.echo(), ClientRecorder())
        let port = try reactor.listenTLS(0, .once(server), Certificates.server(), interface: "127.0.0.1")
        var queue: [UInt8] = []
        // Each byte in a pass of its own.
        func sendNext(_ transport: Transport) {
            guard !queue.isEmpty else { return }
            transport.write([queue.removeFirst()])
            reactor.callLater(.zero) { sendNext(transport) }
        }
        let relay = try Relay(reactor, to: port) { data, _, transport in
            let isIdle = queue.isEmpty
            queue += Array(copying: data)
            if isIdle { sendNext(transport) }
        }
        client.made.onMade = { me in me.transport.write("hello") }
        client.made.onData = { me, _ in if me.text == "hello" { me.transport.loseConnection() } }
        try reactor.run(limit: .seconds(20)) {
            reactor.connectTLS("127.0.0.1", relay.port.address.port!, client, configuration)
            try await reactor.until { client.isOver }
        }
        #expect(client.made.reason is ConnectionDone && server.text == "hello")
    }
}
