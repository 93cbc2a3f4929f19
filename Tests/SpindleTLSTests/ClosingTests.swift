import Glibc
import Spindle
import SpindleTLS
import Testing

@Suite(.ownThreads) struct ClosingTests {
    @Test("W3, L3: close_notify both ways, and all that was written before it arrives", arguments: [true, false])
    func closed(byServer: Bool) throws {
        let reactor = try Reactor()
        let (server, client) = (Recorder(), ClientRecorder())
        let bytes = [UInt8](repeating: 120, count: 300_000)
        func say(_ me: Recorder) {
            me.transport.write(bytes)
            me.transport.loseConnection()
        }
        if byServer { server.onMade = say } else { client.made.onMade = say }
        let port = try reactor.listenTLS(0, .once(server), Certificates.server(), interface: "127.0.0.1")
        try reactor.run(limit: .seconds(20)) {
            reactor.connectTLS("localhost", port.address.port!, client, try Certificates.client())
            try await reactor.until { client.isOver && server.reason != nil }
        }
        #expect(server.reason is ConnectionDone && client.made.reason is ConnectionDone)
        #expect((byServer ? client.made : server).received == bytes)
    }

    /// A client of Python's that says a line, and ends in a way of its choosing.
    private static let client = """
        import socket, ssl, sys
        context = ssl.create_default_context(cafile=sys.argv[1])
        raw = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
        tls = context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False)
        tls.sendall(b"line")
        tls.recv(4)
        if sys.argv[3] == "cut": tls.detach and raw.close(); socket.socket(fileno=tls.detach()).shutdown(socket.SHUT_WR)
        else: tls.unwrap()
        print("done", flush=True)
        sys.stdin.read()
        """

    @Test("L3: an end without close_notify is a truncation", arguments: ["cut", "notify"])
    func truncated(how: String) throws {
        let reactor = try Reactor()
        let server = Recorder.echo()
        let port = try reactor.listenTLS(0, .once(server), Certificates.server(), interface: "127.0.0.1")
        let python = try Program(
            "python3", "-c", Self.client, Certificates.file("root.pem"), "\(port.address.port!)", how)
        try reactor.run(limit: .seconds(20)) { try await reactor.until { server.reason != nil } }
        _ = python
        if how == "cut" {
            let lost = try #require(server.reason as? ConnectionLost)
            #expect(lost.isTruncated && lost.errno == nil)
        } else {
            #expect(server.reason is ConnectionDone)
        }
        #expect(server.text == "line")
    }

    @Test("S7: a paused connection learns of its peer's close_notify, and gets what came before it when it reads again")
    func paused() throws {
        let reactor = try Reactor()
        let server = Recorder()
        server.onMade = { me in me.transport.pauseProducing() }
        let client = ClientRecorder()
        let port = try reactor.listenTLS(0, .once(server), Certificates.server(), interface: "127.0.0.1")
        client.made.onMade = { me in me.transport.loseConnection() }
        try reactor.run(limit: .seconds(20)) {
            reactor.connectTLS("localhost", port.address.port!, client, try Certificates.client())
            try await reactor.until { server.reason != nil }
        }
        #expect(server.reason is ConnectionDone)
    }

    @Test("S7: and what was sent before the end is delivered on resume")
    func pausedWithData() throws {
        let reactor = try Reactor()
        let server = Recorder()
        server.onMade = { me in me.transport.pauseProducing() }
        let client = ClientRecorder()
        client.made.onMade = { me in
            me.transport.write("last words")
            me.transport.loseConnection()
        }
        let port = try reactor.listenTLS(0, .once(server), Certificates.server(), interface: "127.0.0.1")
        try reactor.run(limit: .seconds(20)) {
            reactor.connectTLS("localhost", port.address.port!, client, try Certificates.client())
            try await reactor.until { client.made.reason != nil }
            #expect(server.reason == nil && server.received.isEmpty)
            server.transport.resumeProducing()
            try await reactor.until { server.reason != nil }
        }
        #expect(server.reason is ConnectionDone && server.text == "last words")
    }

    private final class HalfCloser: Protocol, HalfCloseProtocol {
        var events: [String] = []
        override func dataReceived(_ data: RawSpan) { events.append("\(data)") }
        func readConnectionLost() {
            events.append("peer finished")
            transport.write("answer")
            transport.loseConnection()
        }
        func writeConnectionLost() {}
        override func connectionLost(_ reason: any Error) { events.append("\(type(of: reason))") }
    }

    @Test(
        "W6: the half-closed way, and an answer after the peer's close_notify", arguments: [TLSVersion.tls12, .tls13])
    func halfClosed(version: TLSVersion) throws {
        let reactor = try Reactor()
        let server = HalfCloser()
        let client = ClientRecorder()
        client.made.onMade = { me in
            me.transport.write("question")
            me.transport.loseWriteConnection()
        }
        let port = try reactor.listenTLS(0, .once(server), Certificates.server(), interface: "127.0.0.1")
        try reactor.run(limit: .seconds(20)) {
            let configuration = try Certificates.client { $0.maximumVersion = version }
            reactor.connectTLS("localhost", port.address.port!, client, configuration)
            try await reactor.until { client.isOver && server.events.count >= 3 }
        }
        #expect(server.events == ["question", "peer finished", "ConnectionDone"])
        #expect(client.made.text == "answer" && client.made.reason is ConnectionDone)
    }
}
