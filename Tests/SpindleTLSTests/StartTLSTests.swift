import Spindle
import SpindleProtocols
import SpindleTLS
import Testing

@Suite(.ownThreads) struct StartTLSTests {
    /// Speaks lines, and TLS when it is told to.
    private final class Server: LineReceiver {
        let configuration: TLSConfiguration
        private(set) var lines: [String] = []
        private(set) var reason: (any Error)?
        private(set) var outcome: Result<Void, any Error>?
        /// What it says in the same breath as that it starts.
        var insertion = ""

        init(_ configuration: TLSConfiguration) { self.configuration = configuration }

        override func lineReceived(_ line: RawSpan) throws {
            lines.append("\(transport.tls == nil ? "clear" : "secret") \(line)")
            guard line.elementsEqual("STARTTLS") else { return sendLine("you said \(line)") }
            sendLine("go ahead")
            transport.write(insertion)
            try transport.startTLS(configuration).addBoth { [unowned self] result in outcome = result }
            sendLine("welcome")
        }

        override func connectionLost(_ reason: any Error) { self.reason = reason }
    }

    private final class Client: LineReceiver {
        let configuration: TLSConfiguration
        let injected: String
        private(set) var lines: [String] = []
        private(set) var reason: (any Error)?
        var onLine: (Client, String) throws -> Void = { _, _ in }

        init(_ configuration: TLSConfiguration, injected: String = "") {
            self.configuration = configuration
            self.injected = injected
        }

        override func connectionMade() {
            transport.write("hello\r\nSTARTTLS\r\n" + injected)
        }

        override func lineReceived(_ line: RawSpan) throws {
            let text = "\(line)"
            lines.append("\(transport.tls == nil ? "clear" : "secret") \(text)")
            try onLine(self, text)
        }

        override func connectionLost(_ reason: any Error) {
            self.reason = reason
            onLine = { _, _ in }
        }
    }

    @Test("L4: clear bytes before it leave in clear, those after it come over TLS, and the protocol stays the same")
    func started() throws {
        let reactor = try Reactor()
        let server = try Server(Certificates.server())
        let client = try Client(Certificates.client())
        var transports: Set<ObjectIdentifier> = []
        var isStarted = false
        client.onLine = { me, line in
            transports.insert(ObjectIdentifier(me.transport))
            switch line {
            case "go ahead":
                try me.transport.startTLS(me.configuration, serverName: "localhost").addCallback { isStarted = true }
                me.sendLine("first")
            case "you said first": me.transport.loseConnection()
            default: break
            }
        }
        let port = try reactor.listenTCP(0, .once(server), interface: "127.0.0.1")
        try reactor.run(limit: .seconds(20)) {
            TCP4ClientEndpoint(reactor, "127.0.0.1", port.address.port!).connect(.once(client))
            try await reactor.until { client.reason != nil && server.reason != nil }
        }
        #expect(server.lines == ["clear hello", "clear STARTTLS", "secret first"])
        #expect(client.lines == ["clear you said hello", "clear go ahead", "secret welcome", "secret you said first"])
        #expect(client.reason is ConnectionDone && server.reason is ConnectionDone)
        #expect(isStarted && transports.count == 1)
        guard case .success? = server.outcome else { throw CannotListen(server) }
    }

    private struct CannotListen: Error {
        let text: String
        init(_ server: Server) { text = "\(String(describing: server.outcome))" }
    }

    @Test(
        "L4: a line that was slipped in behind STARTTLS is refused, and never delivered",
        arguments: [
            "DELETE everything\r\n", "half a li",
        ])
    func injected(text: String) throws {
        let reactor = try Reactor()
        let server = try Server(Certificates.server())
        let client = try Client(Certificates.client(), injected: text)
        let port = try reactor.listenTCP(0, .once(server), interface: "127.0.0.1")
        try reactor.run(limit: .seconds(20)) {
            TCP4ClientEndpoint(reactor, "127.0.0.1", port.address.port!).connect(.once(client))
            try await reactor.until { server.reason != nil }
        }
        #expect(server.lines == ["clear hello", "clear STARTTLS"])
        #expect((server.reason as? TLSHandshakeError)?.reason == .clearBytesBehindStart)
        guard case .failure(let error)? = server.outcome else { throw CannotListen(server) }
        #expect((error as? TLSHandshakeError)?.reason == .clearBytesBehindStart)
        #expect(!client.lines.contains("clear welcome"))
    }

    @Test("a handshake in mid-connection that fails ends the connection, with the same error")
    func failed() throws {
        let reactor = try Reactor()
        let server = try Server(Certificates.server("expired"))
        let client = try Client(Certificates.client())
        var failure: (any Error)?
        client.onLine = { me, line in
            guard line == "go ahead" else { return }
            try me.transport.startTLS(me.configuration, serverName: "localhost").addErrback { failure = $0 }
            me.transport.write("never sent in clear")
            #expect(throws: CannotStartTLSError.self) { try me.transport.startTLS(me.configuration, serverName: "x") }
        }
        let port = try reactor.listenTCP(0, .once(server), interface: "127.0.0.1")
        try reactor.run(limit: .seconds(20)) {
            TCP4ClientEndpoint(reactor, "127.0.0.1", port.address.port!).connect(.once(client))
            try await reactor.until { client.reason != nil && server.reason != nil && failure != nil }
        }
        let reason = (failure as? TLSHandshakeError)?.reason
        guard case .certificateExpired? = reason else { throw CannotListen(server) }
        #expect((client.reason as? TLSHandshakeError)?.reason == reason)
        #expect((server.reason as? TLSHandshakeError)?.reason == .refusedByPeer("certificate_expired"))
    }

    @Test("the Deferred fails when the connection ends in the middle, whoever ended it")
    func aborted() throws {
        let reactor = try Reactor()
        let subject = Recorder()
        var failure: (any Error)?
        subject.onMade = { me in
            try me.transport.startTLS(Certificates.server()).addErrback { failure = $0 }
            me.reactor.callLater(.milliseconds(5)) { me.transport.abortConnection() }
        }
        let other = Recorder()
        let port = try reactor.listenTCP(0, .once(subject), interface: "127.0.0.1")
        try reactor.run(limit: .seconds(20)) {
            TCP4ClientEndpoint(reactor, "127.0.0.1", port.address.port!).connect(.once(other))
            try await reactor.until { failure != nil && subject.reason != nil }
        }
        #expect(failure is ConnectionAborted && subject.reason is ConnectionAborted)
    }

    @Test("a Connection starts TLS, and refuses what nobody has read", arguments: [false, true])
    func asynchronous(injects: Bool) throws {
        let reactor = try Reactor()
        let server = try Server(Certificates.server())
        let port = try reactor.listenTCP(0, .once(server), interface: "127.0.0.1")
        let between = try Relay(reactor, to: port) { data, _, transport in transport.write(data) }
        server.insertion = injects ? "forged\r\n" : ""
        var failure: (any Error)?
        var lines: [String] = []
        try reactor.run(limit: .seconds(20)) {
            let endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", between.port.address.port!)
            let connection = try await endpoint.connect()
            try await connection.write("STARTTLS\r\n")
            let wanted = "go ahead\r\n".utf8.count + server.insertion.utf8.count
            // All of it is there, and the one line is read.
            try await reactor.until { connection.stream.unreadCount >= wanted }
            for try await line in connection.lines {
                lines.append(line)
                break
            }
            do {
                try await connection.startTLS(Certificates.client(), serverName: "localhost")
                for try await line in connection.lines {
                    lines.append(line)
                    break
                }
            } catch { failure = error }
        }
        if injects {
            #expect((failure as? TLSHandshakeError)?.reason == .clearBytesBehindStart && lines == ["go ahead"])
        } else {
            #expect(failure == nil && lines == ["go ahead", "welcome"])
        }
    }

    @Test("there is no TLS where C code may write in between")
    func shared() throws {
        let reactor = try Reactor()
        let subject = Recorder()
        subject.onMade = { me in
            _ = me.transport.bufferEvent
            #expect(throws: CannotStartTLSError.self) { try me.transport.startTLS(Certificates.server()) }
            me.transport.loseConnection()
        }
        let port = try reactor.listenTCP(0, .once(subject), interface: "127.0.0.1")
        try reactor.run(limit: .seconds(20)) {
            TCP4ClientEndpoint(reactor, "127.0.0.1", port.address.port!).connect(.once(Recorder()))
            try await reactor.until { subject.reason != nil }
        }
    }

    @Test("there is no TLS without a connection")
    func inert() throws {
        #expect(throws: CannotStartTLSError.self) { try Recorder().transport.startTLS(Certificates.server()) }
    }
}
