import CLibEvent
import Glibc
import Testing

@testable import Spindle

/// I2 for OpenSSL's bufferevents, with their habits (a peer that reads and writes as Python's ssl module does).
@Suite(.ownThreads) struct AdoptedTLSTests {
    /// Runs one connection between `subject` and a Python script that finds it as `tls`, or as `tcp` without TLS.
    ///
    /// - Returns: what the script printed, a line, and how `whenConnected` failed if it did.
    private func run(
        _ kind: ForeignTLS.Kind, _ subject: Recorder, _ script: String, speaksTLS: Bool = true
    ) throws -> (line: String, failure: (any Error)?) {
        try TemporaryDirectory.with { directory in
            let tls = try ForeignTLS(directory)
            defer { tls.free() }
            let reactor = try Reactor(options: .forTests)
            let (listener, port) = try Peer.listener()
            defer { listener.close() }
            let begin = """
                import socket, ssl, sys
                tcp = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE

                """
            let shake = speaksTLS ? "tls = context.wrap_socket(tcp, suppress_ragged_eofs=False)\n" : ""
            let python = try PythonPeer(begin + shake + script, "\(port)")
            let accepted = try listener.accept()
            let descriptor = fcntl(accepted.descriptor, F_DUPFD_CLOEXEC, 0)
            accepted.close()
            var failure: (any Error)?
            let raw = tls.bufferEvent(kind, on: reactor.eventBase, descriptor)
            func stopLater() { reactor.callLater(.milliseconds(5)) { try reactor.stop() } }
            subject.onLost = { _ in stopLater() }
            try reactor.adopt(bufferEvent: raw, protocol: subject).whenConnected().addErrback { error in
                failure = error
                stopLater()
            }
            try reactor.runWatched(.seconds(15))
            return (speaksTLS ? try python.readLine() : "", failure)
        }
    }

    @Test(
        "S1, W3: the protocol is told after the handshake; all that it wrote arrives before the close",
        arguments: ForeignTLS.Kind.allCases)
    func echo(kind: ForeignTLS.Kind) throws {
        let subject = Recorder()
        subject.onMade = { me in #expect(me.transport.peer.host == "127.0.0.1") }
        subject.onData = { me, _ in
            guard me.received.count == 100_000 else { return }
            me.transport.write([UInt8](repeating: 65, count: 3_000_000))
            me.transport.loseConnection()
        }
        let (line, failure) = try run(
            kind, subject,
            """
            tls.sendall(b"x" * 100000)
            count = 0
            try:
                while True:
                    data = tls.recv(65536)
                    if not data: break
                    count += len(data)
            except ssl.SSLError as error: pass
            print(count, flush=True)
            """)
        #expect(failure == nil)
        #expect(line == "3000000")
        #expect(subject.events.first == .made && subject.losses == 1)
        #expect(subject.reason is ConnectionDone)
    }

    @Test("S2, S3: a close_notify is the end, told once, with all bytes before it", arguments: ForeignTLS.Kind.allCases)
    func closeNotify(kind: ForeignTLS.Kind) throws {
        let subject = Recorder()
        let (line, _) = try run(
            kind, subject,
            """
            tls.sendall(b"last words")
            try: tls.unwrap()
            except (ssl.SSLError, OSError): pass
            tcp.close()
            tls.close()
            print("done", flush=True)
            """)
        #expect(line == "done")
        #expect(subject.receivedText == "last words")
        #expect(subject.losses == 1)
        #expect(subject.reason is ConnectionDone)
    }

    @Test(
        "S3: an end without it is no clean one, and the bytes before it are delivered",
        arguments: ForeignTLS.Kind.allCases)
    func truncated(kind: ForeignTLS.Kind) throws {
        let subject = Recorder()
        let (line, _) = try run(
            kind, subject,
            """
            tls.sendall(b"cut off")
            print("done", flush=True)
            tls.shutdown(socket.SHUT_RDWR)
            """)
        #expect(line == "done")
        #expect(subject.receivedText == "cut off")
        #expect(subject.losses == 1)
        #expect(subject.reason is ConnectionLost)
    }

    @Test("S7: the end that comes while paused waits behind the bytes before it", arguments: ForeignTLS.Kind.allCases)
    func paused(kind: ForeignTLS.Kind) throws {
        let subject = Recorder()
        subject.onMade = { me in
            me.transport.pauseProducing()
            me.transport.write("!")
            me.reactor.callLater(.milliseconds(50)) {
                #expect(me.events == [.made])
                me.transport.resumeProducing()
            }
        }
        let (line, _) = try run(
            kind, subject,
            """
            tls.recv(1)
            tls.sendall(b"held back")
            try: tls.unwrap()
            except (ssl.SSLError, OSError): pass
            print("done", flush=True)
            """)
        #expect(line == "done")
        #expect(subject.receivedText == "held back")
        #expect(subject.losses == 1)
    }

    @Test(
        "F4: a handshake that fails is an error of whenConnected; the protocol hears nothing",
        arguments: ForeignTLS.Kind.allCases)
    func noHandshake(kind: ForeignTLS.Kind) throws {
        let subject = Recorder()
        let (_, failure) = try run(
            kind, subject, "tcp.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n' * 10); tcp.close()", speaksTLS: false)
        #expect(failure is ConnectError)
        #expect(subject.events.isEmpty)
    }
}
