import Glibc
import Testing

@testable import Spindle

/// Rule R7 of the contract: a reactor goes on in a child process.
@Suite(.ownThreads) struct ForkTests {
    @Test("R7: parent and children serve one port, each with its own timers and wakeups, until each is told to stop")
    func serving() throws {
        let program = try ProgramRun("forks")
        let numbers = try program.readLine().split(separator: " ").compactMap { Int($0) }
        try #require(numbers.count == 4)
        let address = try SocketAddress("127.0.0.1", port: numbers[0])
        var waiting = Set(numbers[1...])
        // Connections that stay open, so that the one that has most to do is not always the one that is awake.
        var peers: [Peer] = []
        while !waiting.isEmpty, peers.count < 2000 {
            let peer = try Peer.connect(to: address)
            peers.append(peer)
            try peer.send("x")
            let answer = try peer.receiveSome()
            waiting.remove(Int(String(decoding: answer.dropLast(), as: UTF8.self)) ?? 0)
        }
        #expect(waiting.isEmpty)
        for number in numbers[1...].reversed() { kill(pid_t(number), SIGTERM) }
        let end = try program.wait()
        #expect(end.exitCode == 0 && end.output == "", "\(end.errors)")
    }

    @Test("R7, S7: a connection that nobody reads is watched in the child")
    func paused() throws {
        let program = try ProgramRun("forks with a paused connection")
        let port = try #require(Int(try program.readLine()))
        let peer = try Peer.connect(to: SocketAddress("127.0.0.1", port: port))
        try peer.send("x")
        #expect(try program.readLine() == "ready")
        peer.reset()
        #expect(try program.readLine() == "reset")
        #expect(try program.wait().exitCode == 0)
    }

    @Test("R7: a signal that comes between the fork and reinitialize() is handled")
    func signalled() throws {
        let program = try ProgramRun("forks and is signalled")
        #expect(try program.readLine() == "handled")
        #expect(try program.wait().exitCode == 0)
    }

    @Test("R7, X1: a child that stops leaves the parent's UNIX socket and lock where they are")
    func unixSocket() throws {
        try TemporaryDirectory.with { directory in
            let path = directory.file("socket")
            let program = try ProgramRun("forks with a UNIX socket", path)
            #expect(try program.readLine() == "the child is gone")
            let peer = try Peer.connect(to: SocketAddress(unix: path))
            try peer.send("x")
            #expect(try peer.receiveText(1) == "x")
            #expect(try FileLock.isHeld(SocketFile.lockPath(of: path)))
            kill(program.pid, SIGTERM)
            _ = try program.wait()
            #expect((try? FilePath(text: path).status()) == nil)
        }
    }

    @Test("a program whose standard input and output are closed has a reactor that works")
    func closedStandardIO() throws {
        let program = try ProgramRun("closes standard input and output")
        #expect(try program.wait().exitCode == 0)
    }

    @Test("R7: a reactor that has made other threads work is refused, and says why")
    func refused() throws {
        let main = try ProgramRun("forks while running")
        #expect(
            try main.readLine()
                == "the reactor cannot be used in a forked process: it serves the main queue since it runs on the main thread"
        )
        let reactor = try Reactor(options: .forTests)
        try reactor.run {
            let error = #expect(throws: CannotReinitializeError.self) { try reactor.reinitialize() }
            #expect(error?.reason == .spawnedTasks)
        }
    }

    @Test("R7: reinitialize() does no harm to a reactor that was not forked")
    func needless() throws {
        let reactor = try Reactor(options: .forTests)
        let server = Recorder()
        server.onData = { me, data in me.transport.write(data) }
        var next: Recorder? = server
        let port = try reactor.listenTCP(0, Factory { next.take() }, interface: "127.0.0.1")
        let client = Recorder()
        reactor.callLater(.zero) {
            try reactor.reinitialize()
            TCP4ClientEndpoint(reactor, "127.0.0.1", port.address.port ?? 0).connectProtocol(client)
        }
        client.onMade = { me in me.transport.write("once more") }
        client.onData = { me, _ in if client.receivedText == "once more" { try me.reactor.stop() } }
        try reactor.runWatched()
        #expect(client.receivedText == "once more")
    }
}
