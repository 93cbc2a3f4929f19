import Glibc
import Spindle
import Testing

/// Rule X1 of the contract, with F4 and E1 for UNIX sockets: connecting, and who is at the other end.
@Suite(.ownThreads) struct UNIXClientTests {

    private final class NotingFactory: ClientFactory {
        let ended: ((any Error)?) -> Void
        init(_ ended: @escaping ((any Error)?) -> Void) {
            self.ended = ended
            super.init()
        }
        override func buildProtocol(_ address: SocketAddress) -> Protocol? {
            let recorder = Recorder()
            recorder.onMade = { [ended] _ in ended(nil) }
            return recorder
        }
        override func clientConnectionFailed(_ connector: Connector, _ reason: any Error) { ended(reason) }
    }

    /// Connects as told, and returns the error, or nil.
    private func outcome(
        _ byEndpoint: Bool, _ path: String, on reactor: Reactor, timeout: Duration? = .seconds(10),
        checkLock: Bool = false
    ) throws -> (any Error)? {
        var outcome: (any Error)?
        let factory = NotingFactory { error in
            outcome = error
            try? reactor.stop()
        }
        if byEndpoint {
            let endpoint = UNIXClientEndpoint(reactor, path, timeout: timeout, checkLock: checkLock)
            endpoint.connect(factory).addErrback { error in
                outcome = error
                try reactor.stop()
                return Recorder()
            }
        } else {
            reactor.connectUNIX(path, factory, timeout: timeout, checkLock: checkLock)
        }
        try reactor.runWatched()
        return outcome
    }

    @Test("F4: what is wrong with a path is told later, in a typed error", arguments: [false, true])
    func failures(byEndpoint: Bool) throws {
        try TemporaryDirectory.with { directory in
            func outcome(_ path: String) throws -> (any Error)? {
                try self.outcome(byEndpoint, path, on: Reactor(options: .forTests))
            }
            let path = directory.file("socket")
            #expect((try outcome(path) as? ConnectError)?.errno == ENOENT)
            try Peer.abandonListener(at: path)
            let refused = try #require(try outcome(path) as? ConnectionRefusedError)
            #expect(refused.description == "cannot connect to unix:\(path): Connection refused")
            #expect(try outcome("\0spindle-nobody-has-this-name") is ConnectionRefusedError)
            for path in ["", "\0", "a\0b", String(repeating: "x", count: 108)] {
                #expect(try outcome(path) is InvalidAddressError)
            }
        }
    }

    @Test("X1: with checkLock only a server that holds the lock is connected to", arguments: [false, true])
    func checksLock(byEndpoint: Bool) throws {
        try TemporaryDirectory.with { directory in
            func outcome(_ reactor: Reactor) throws -> (any Error)? {
                try self.outcome(byEndpoint, directory.file("socket"), on: reactor, checkLock: true)
            }
            let path = directory.file("socket")
            let listener = try Peer.listener(at: path)
            let unlocked = try outcome(Reactor(options: .forTests)) as? BadFileError
            #expect(unlocked?.description == "cannot connect to unix:\(path): nobody holds \(path).lock")
            listener.close()
            unlink(path)
            let reactor = try Reactor(options: .forTests)
            _ = try reactor.listenUNIX(path, Factory { Recorder() }, lock: true)
            #expect(try outcome(reactor) == nil)
            symlink("nowhere", path + ".lock")
            let broken = try outcome(Reactor(options: .forTests)) as? BadFileError
            #expect(broken?.reason == "\(path).lock: Too many levels of symbolic links")
        }
    }

    @Test("F4: a full backlog is knocked at until there is room", arguments: [false, true])
    func fullBacklog(byEndpoint: Bool) throws {
        try TemporaryDirectory.with { directory in
            let reactor = try Reactor(options: .forTests)
            let path = directory.file("socket")
            let listener = try Peer.listener(at: path, backlog: 0)
            let filler = try Peer.connect(to: SocketAddress(unix: path))
            reactor.callLater(.milliseconds(30)) { _ = try listener.accept() }
            #expect(try outcome(byEndpoint, path, on: reactor) == nil)
            withExtendedLifetime(filler) {}
        }
    }

    @Test("F4: a backlog that stays full is a TimeoutError", arguments: [false, true])
    func timeout(byEndpoint: Bool) throws {
        try TemporaryDirectory.with { directory in
            let reactor = try Reactor(options: .forTests)
            let path = directory.file("socket")
            let listener = try Peer.listener(at: path, backlog: 0)
            let filler = try Peer.connect(to: SocketAddress(unix: path))
            #expect(try outcome(byEndpoint, path, on: reactor, timeout: .milliseconds(30)) is TimeoutError)
            withExtendedLifetime((listener, filler)) {}
        }
    }

    @Test("X1: both ends know the address, and each other's process, user and group")
    func roundTrip() throws {
        try TemporaryDirectory.with { directory in
            let reactor = try Reactor(options: .forTests)
            let path = directory.file("socket")
            let (server, client) = (Recorder(), Recorder())
            let us = PeerCredentials(pid: getpid(), uid: getuid(), gid: getgid())
            var steps: [String] = []
            server.onData = { me, data in
                #expect(me.transport.peerCredentials == us)
                #expect(me.transport.host.host == path)
                #expect(me.transport.peer.description == "unix:")
                me.transport.write(data)
            }
            client.onMade = { me in
                steps.append("made")
                #expect(me.transport.peerCredentials == us)
                #expect(me.transport.peer.host == path)
                #expect(me.transport.host.family == .unix)
                me.transport.write("hello")
            }
            client.onData = { me, _ in me.transport.loseConnection() }
            client.onLost = { me in
                #expect(me.transport.peerCredentials == nil)
                try? me.reactor.stop()
            }
            var nextServer: Recorder? = server
            var nextClient: Recorder? = client
            reactor.spawn {
                let endpoint = UNIXServerEndpoint(reactor, path, mode: 0o600, lock: true)
                _ = try await endpoint.listen(Factory { nextServer.take() }).value()
                let connecting = UNIXClientEndpoint(reactor, path, checkLock: true)
                let connected = try await connecting.connect(Factory { nextClient.take() }).value()
                steps.append("connected")
                #expect(connected === client)
            }.addErrback { error in _ = Issue.record(error) }
            try reactor.runWatched()
            #expect(steps == ["made", "connected"])
            #expect(client.receivedText == "hello")
        }
    }

    @Test("X1: a peer's credentials are its own; its address is the one that it is bound to")
    func otherProcess() throws {
        try TemporaryDirectory.with { directory in
            let reactor = try Reactor(options: .forTests)
            let subject = Recorder()
            var next: Recorder? = subject
            let path = directory.file("socket")
            try reactor.listenUNIX(path, Factory { next.take() })
            var credentials: PeerCredentials?
            var peer: SocketAddress?
            subject.onData = { me, _ in
                (credentials, peer) = (me.transport.peerCredentials, me.transport.peer)
                try me.reactor.stop()
            }
            let script = """
                import socket, sys
                client = socket.socket(socket.AF_UNIX)
                client.bind(sys.argv[2])
                client.connect(sys.argv[1])
                client.send(b"x")
                sys.stdin.read()
                """
            let client = try PythonPeer(script, path, directory.file("client"))
            try reactor.runWatched()
            client.end()
            #expect(credentials?.pid == client.pid)
            #expect(credentials?.uid == getuid())
            #expect(peer == (try SocketAddress(unix: directory.file("client"))))
        }
    }

    @Test("X1: of other connections nobody is known")
    func noCredentials() throws {
        let subject = Recorder()
        var credentials: PeerCredentials?
        subject.onMade = { me in
            credentials = me.transport.peerCredentials
            me.transport.loseConnection()
        }
        try StreamKind.tcp4.run(subject) { peer in _ = peer.waitForEnd() }
        #expect(credentials == nil)
        #expect(Recorder().transport.peerCredentials == nil)
    }

    @Test("X1: credentials say what they are")
    func credentialsText() {
        #expect("\(PeerCredentials(pid: 1, uid: 2, gid: 3))" == "pid 1, uid 2, gid 3")
    }
}
