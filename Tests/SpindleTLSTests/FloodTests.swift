import Spindle
import SpindleTLS
import Testing

/// Peers that keep us busy with records that are for nothing.
@Suite(.ownThreads) struct FloodTests {
    /// A client by OpenSSL's own functions: Python's ssl has no key updates.
    private static let client = """
        import ctypes, socket, sys
        ssl, crypto = ctypes.CDLL("libssl.so.3"), ctypes.CDLL("libcrypto.so.3")
        for name in "SSL_CTX_new", "SSL_new", "TLS_client_method": getattr(ssl, name).restype = ctypes.c_void_p
        context = ctypes.c_void_p(ssl.SSL_CTX_new(ctypes.c_void_p(ssl.TLS_client_method())))
        session = ctypes.c_void_p(ssl.SSL_new(context))
        raw = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
        ssl.SSL_set_fd(session, raw.fileno())
        assert ssl.SSL_connect(session) == 1
        updates, word = int(sys.argv[2]), sys.argv[3].encode()
        for _ in range(updates):
            if ssl.SSL_key_update(session, 1) != 1 or ssl.SSL_do_handshake(session) != 1: break
            if word: ssl.SSL_write(session, word, len(word))
        ssl.SSL_write(session, b"end", 3)
        buffer = ctypes.create_string_buffer(100)
        print("got", ssl.SSL_read(session, buffer, 100), flush=True)
        """

    /// What becomes of a server that is sent so many key updates, with a word behind each.
    private static func outcome(_ updates: Int, word: String = "") throws -> (reason: (any Error)?, text: String) {
        let reactor = try Reactor()
        let server = Recorder()
        server.onData = { me, _ in
            guard me.text.hasSuffix("end") else { return }
            me.transport.write("fine")
            me.transport.loseConnection()
        }
        let port = try reactor.listenTLS(0, .once(server), Certificates.server(), interface: "127.0.0.1")
        let program = try Program("python3", "-c", Self.client, "\(port.address.port!)", "\(updates)", word)
        try reactor.run(limit: .seconds(20)) { try await reactor.until { server.reason != nil } }
        _ = try program.wait()
        return (server.reason, server.text)
    }

    @Test("some key updates are answered, a flood of them ends the connection")
    func keyUpdates() throws {
        let few = try Self.outcome(20)
        #expect(few.text == "end" && few.reason is ConnectionDone, "\(String(describing: few.reason))")
        let many = try Self.outcome(500)
        #expect(many.text.isEmpty && (many.reason as? TLSProtocolError)?.reason == .flood)
    }

    @Test("key updates between bytes are no flood as long as somebody takes the answers")
    func mixed() throws {
        let mixed = try Self.outcome(300, word: "x")
        #expect(mixed.text == String(repeating: "x", count: 300) + "end" && mixed.reason is ConnectionDone)
    }
}
