import Spindle
import SpindleTLS
import Testing

/// The same bytes with the other programs that people have, in both roles.
@Suite(.ownThreads) struct InteropTests {
    private static let flags: [TLSVersion: String] = [.tls12: "-tls1_2", .tls13: "-tls1_3"]

    @Test("openssl s_client", arguments: [TLSVersion.tls12, .tls13])
    func opensslClient(version: TLSVersion) throws {
        let reactor = try Reactor()
        let server = Recorder.echo()
        let port = try reactor.listenTLS(0, .once(server), Certificates.server("rsa"), interface: "127.0.0.1")
        let program = try Program(
            "openssl", "s_client", "-connect", "\(port.address)", "-CAfile", Certificates.file("root.pem"),
            "-verify_return_error", "-verify_hostname", "localhost", "-servername", "localhost", "-nocommands",
            Self.flags[version]!)
        try reactor.run(limit: .seconds(20)) {
            program.write("a line\n")
            try await reactor.until { server.text == "a line\n" }
            program.finishWriting()
            try await reactor.until { server.reason != nil }
        }
        let output = try program.wait().output
        #expect(output.contains("Verification: OK") && output.contains("a line"))
        #expect(server.reason is ConnectionDone && server.session?.version == version)
    }

    @Test("openssl s_server, whose certificate is checked", arguments: [TLSVersion.tls12, .tls13])
    func opensslServer(version: TLSVersion) throws {
        let program = try Program(
            "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", Certificates.file("server.pem"), "-key",
            Certificates.file("server.key"), "-rev", Self.flags[version]!)
        let said = try program.read(until: "ACCEPT 127.0.0.1:")
        let line = try said + (said.hasSuffix("\n") ? "" : program.read(until: "\n"))
        let digits = line.components(behind: "ACCEPT 127.0.0.1:")
        let reactor = try Reactor()
        let client = ClientRecorder()
        client.made.onMade = { me in me.transport.write("olleh\n") }
        client.made.onData = { me, _ in if me.text == "hello\n" { me.transport.loseConnection() } }
        try reactor.run(limit: .seconds(20)) {
            reactor.connectTLS("127.0.0.1", Int(digits)!, client, try Certificates.client())
            try await reactor.until { client.isOver }
        }
        #expect(client.failure == nil && client.made.text == "hello\n")
        #expect(client.made.reason is ConnectionDone && client.made.session?.version == version)
    }

    private static let pythonServer = """
        import socket, ssl, sys
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        context.load_verify_locations(sys.argv[3])
        context.verify_mode = ssl.CERT_REQUIRED
        context.maximum_version = ssl.TLSVersion[sys.argv[4]]
        context.set_alpn_protocols(["echo"])
        listener = socket.create_server(("127.0.0.1", 0))
        print(listener.getsockname()[1], flush=True)
        raw, _ = listener.accept()
        tls = context.wrap_socket(raw, server_side=True, suppress_ragged_eofs=False)
        while data := tls.recv(1 << 16): tls.sendall(data)
        print("end", tls.selected_alpn_protocol(), tls.getpeercert()["subject"][0][0][1], flush=True)
        """

    @Test("Python's ssl as a server that wants our certificate", arguments: [TLSVersion.tls12, .tls13])
    func pythonServer(version: TLSVersion) throws {
        let program = try Program(
            "python3", "-c", Self.pythonServer, Certificates.file("server.pem"), Certificates.file("server.key"),
            Certificates.file("root.pem"), version == .tls12 ? "TLSv1_2" : "TLSv1_3")
        let port = Int(try program.read(until: "\n").dropLast())!
        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        let reactor = try Reactor()
        let client = ClientRecorder()
        client.made.onMade = { me in me.transport.write(bytes) }
        client.made.onData = { me, _ in if me.receivedCount == bytes.count { me.transport.loseConnection() } }
        let configuration = try Certificates.client {
            $0.identity = Certificates.identity("client")
            $0.applicationProtocols = ["echo"]
        }
        try reactor.run(limit: .seconds(20)) {
            reactor.connectTLS("localhost", port, client, configuration)
            try await reactor.until { client.isOver }
        }
        #expect(client.made.received == bytes && client.made.reason is ConnectionDone)
        let output = try program.wait().output
        #expect(output == "end echo client\n")
    }

    private static let pythonClient = """
        import socket, ssl, sys
        context = ssl.create_default_context(cafile=sys.argv[1])
        context.maximum_version = ssl.TLSVersion[sys.argv[3]]
        tls = context.wrap_socket(
            socket.create_connection(("127.0.0.1", int(sys.argv[2]))), server_hostname="localhost",
            suppress_ragged_eofs=False)
        sent = bytes(range(256)) * 4000
        tls.sendall(sent)
        got = b""
        while len(got) < len(sent): got += tls.recv(1 << 16)
        version = tls.version()
        tls.unwrap()
        print(got == sent, version, flush=True)
        """

    @Test("Python's ssl as a client", arguments: [TLSVersion.tls12, .tls13])
    func pythonClient(version: TLSVersion) throws {
        let reactor = try Reactor()
        let server = Recorder.echo()
        server.keepsNothing = true
        let port = try reactor.listenTLS(0, .once(server), Certificates.server(), interface: "127.0.0.1")
        let name = version == .tls12 ? "TLSv1_2" : "TLSv1_3"
        let program = try Program(
            "python3", "-c", Self.pythonClient, Certificates.file("root.pem"), "\(port.address.port!)", name)
        try reactor.run(limit: .seconds(20)) { try await reactor.until { server.reason != nil } }
        #expect(server.reason is ConnectionDone)
        let output = try program.wait().output
        #expect(output == "True \(version == .tls12 ? "TLSv1.2" : "TLSv1.3")\n")
    }

    @Test("a session is resumed, as seen from outside", arguments: [TLSVersion.tls12, .tls13])
    func resumed(version: TLSVersion) throws {
        let reactor = try Reactor()
        var sessions: [TLSSessionInfo] = []
        let factory = Factory {
            let server = Recorder()
            server.onMade = { me in
                sessions.append(me.session!)
                me.transport.write("hello\n")
            }
            return server
        }
        let port = try reactor.listenTLS(0, factory, Certificates.server(), interface: "127.0.0.1")
        let ticket = Certificates.file("ticket-\(version.rawValue)")
        try reactor.run(limit: .seconds(20)) {
            for option in ["-sess_out", "-sess_in"] {
                let program = try Program(
                    "openssl", "s_client", "-connect", "\(port.address)", "-CAfile", Certificates.file("root.pem"),
                    Self.flags[version]!, option, ticket)
                _ = try await reactor.deferToThread { try program.read(until: "hello") }.value()
                program.finishWriting()
                try await reactor.until { port.connectionCount == 0 }
                _ = try await reactor.deferToThread { try program.wait().status }.value()
            }
        }
        #expect(sessions.map(\.wasResumed) == [false, true])
    }
}

extension String {
    /// The digits behind `prefix`.
    fileprivate func components(behind prefix: String) -> String {
        guard let range = firstRange(of: prefix) else { return "" }
        return String(self[range.upperBound...].prefix { $0.isNumber })
    }
}
