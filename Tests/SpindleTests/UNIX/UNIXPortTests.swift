import Glibc
import Spindle
import Testing

/// Rule X1 of the contract, with F1 to F3 for UNIX sockets: the file of a listening socket.
@Suite(.ownThreads) struct UNIXPortTests {
    private final class CountingFactory: Factory {
        var starts = 0
        var stops = 0
        override func startFactory() { starts += 1 }
        override func stopFactory() { stops += 1 }
    }

    private func mode(of path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
    }

    private func failure(_ body: () throws -> Void) -> CannotListenError? {
        do { try body() } catch { return error as? CannotListenError }
        return nil
    }

    @Test(
        "X1: the file has the mode that was asked for, whatever the umask", arguments: [0o666, 0o660, 0o600, 0o777, 0])
    func modes(mode: Int) throws {
        try TemporaryDirectory.with { directory in
            let reactor = try Reactor(options: .forTests)
            let path = directory.file("socket")
            let port = try reactor.listenUNIX(path, Factory(), mode: mode)
            #expect(self.mode(of: path) == mode_t(mode))
            #expect(port.address == (try SocketAddress(unix: path)))
            #expect(port.address.description == "unix:\(path)")
            port.stopListening()
            #expect(directory.contents.isEmpty)
        }
    }

    @Test("X1: nobody ever sees the file with more permissions than were asked for")
    func noRace() throws {
        try TemporaryDirectory.with { directory in
            let reactor = try Reactor(options: .forTests)
            let path = directory.file("socket")
            let isOver = Lock(false)
            let seen = Lock<[mode_t: Int]>([:])
            let watcher = ScriptThread {
                while !isOver.withLock({ $0 }) {
                    var status = stat()
                    if lstat(path, &status) == 0 { seen.withLock { $0[status.st_mode & 0o7777, default: 0] += 1 } }
                }
            }
            let port = try reactor.listenUNIX(path, Factory(), mode: 0o600)
            // On a busy machine the watcher may get to look only now and then.
            var rounds = 0
            while rounds < 1000 || (rounds < 200_000 && seen.withLock({ $0[0o600] ?? 0 }) < 1000) {
                port.stopListening()
                try port.startListening()
                rounds += 1
            }
            isOver.withLock { $0 = true }
            watcher.join()
            port.stopListening()
            #expect(seen.withLock { Array($0.keys) } == [0o600])
        }
    }

    @Test("X1, F1: a path in use is EADDRINUSE, and nothing of it is touched", arguments: [false, true])
    func inUse(lock: Bool) throws {
        try TemporaryDirectory.with { directory in
            let reactor = try Reactor(options: .forTests)
            let path = directory.file("socket")
            let first = try reactor.listenUNIX(path, Factory(), lock: lock)
            let factory = CountingFactory()
            // The second one asks for a lock in any case: a living server without one is left alone, too.
            let error = failure { try reactor.listenUNIX(path, factory, lock: true) }
            #expect(error?.errno == EADDRINUSE)
            #expect(error?.place == .unix(path: path))
            let reason = lock ? "another server holds \(path).lock" : "Address already in use"
            #expect(error?.description == "cannot listen on \(path): \(reason)")
            #expect((factory.starts, factory.stops) == (1, 1))
            #expect(directory.contents == (lock ? ["socket", "socket.lock"] : ["socket"]))
            #expect(throws: Never.self) { try Peer.connect(to: first.address) }
            first.stopListening()
            #expect(directory.contents.isEmpty)
        }
    }

    @Test("X1: a socket without a server is taken over with a lock, and only then")
    func abandoned() throws {
        try TemporaryDirectory.with { directory in
            let reactor = try Reactor(options: .forTests)
            let path = directory.file("socket")
            try Peer.abandonListener(at: path)
            #expect(failure { try reactor.listenUNIX(path, Factory()) }?.errno == EADDRINUSE)
            // So may be its lock.
            close(open(path + ".lock", O_CREAT | O_WRONLY, 0o600))
            let port = try reactor.listenUNIX(path, Factory(), lock: true)
            #expect(throws: Never.self) { try Peer.connect(to: port.address) }
            port.stopListening()
            #expect(directory.contents.isEmpty)
        }
    }

    @Test("X1: a server that was killed leaves a socket and a lock that the next one takes over")
    func killed() throws {
        try TemporaryDirectory.with { directory in
            let reactor = try Reactor(options: .forTests)
            let path = directory.file("socket")
            let script = """
                import fcntl, os, socket, sys
                lock = open(sys.argv[1] + ".lock", "w")
                fcntl.lockf(lock, fcntl.LOCK_EX)
                listener = socket.socket(socket.AF_UNIX)
                listener.bind(sys.argv[1])
                listener.listen()
                print("ready", flush=True)
                sys.stdin.read()
                os.kill(os.getpid(), 9)
                """
            let server = try PythonPeer(script, path)
            #expect(try server.readLine() == "ready")
            #expect(failure { try reactor.listenUNIX(path, Factory(), lock: true) }?.errno == EADDRINUSE)
            #expect(server.end() == 9)
            #expect(directory.contents == ["socket", "socket.lock"])
            let port = try reactor.listenUNIX(path, Factory(), lock: true)
            port.stopListening()
            #expect(directory.contents.isEmpty)
        }
    }

    @Test("X1: what is no socket is never removed", arguments: [false, true])
    func otherFiles(lock: Bool) throws {
        try TemporaryDirectory.with { directory in
            let reactor = try Reactor(options: .forTests)
            let path = directory.file("precious")
            close(open(path, O_CREAT | O_WRONLY, 0o600))
            #expect(failure { try reactor.listenUNIX(path, Factory(), lock: lock) }?.errno == EADDRINUSE)
            #expect(directory.contents == ["precious"])
            // Nor is a link followed to a socket that is abandoned.
            try Peer.abandonListener(at: directory.file("abandoned"))
            symlink(directory.file("abandoned"), directory.file("link"))
            let link = directory.file("link")
            #expect(failure { try reactor.listenUNIX(link, Factory(), lock: lock) }?.errno == EADDRINUSE)
            #expect(directory.contents == ["abandoned", "link", "precious"])
        }
    }

    @Test("X1: a lock that cannot be had is an error that names it")
    func badLocks() throws {
        try TemporaryDirectory.with { directory in
            let reactor = try Reactor(options: .forTests)
            let path = directory.file("socket")
            symlink(directory.file("elsewhere"), path + ".lock")
            let error = failure { try reactor.listenUNIX(path, Factory(), lock: true) }
            #expect(error?.errno == ELOOP)
            #expect(error?.reason == "\(path).lock: Too many levels of symbolic links")
            unlink(path + ".lock")
            mkdir(path + ".lock", 0o700)
            #expect(failure { try reactor.listenUNIX(path, Factory(), lock: true) }?.errno == EISDIR)
            rmdir(path + ".lock")
            let nowhere = directory.file("no/such/place")
            #expect(failure { try reactor.listenUNIX(nowhere, Factory(), lock: true) }?.errno == ENOENT)
            #expect(failure { try reactor.listenUNIX(nowhere, Factory()) }?.errno == ENOENT)
            #expect(directory.contents.isEmpty)
        }
    }

    @Test("X1: of many servers that want one path at once, one at a time has it")
    func lockRace() throws {
        try TemporaryDirectory.with { directory in
            let path = directory.file("socket")
            let servers = Lock(0)
            let successes = Lock(0)
            let threads = (0..<4).map { _ in
                ScriptThread {
                    for _ in 0..<200 {
                        guard let reactor = try? Reactor(options: .forTests),
                            let port = try? reactor.listenUNIX(path, Factory(), lock: true)
                        else { continue }
                        let others = servers.withLock { servers -> Int in
                            servers += 1
                            return servers - 1
                        }
                        #expect(others == 0)
                        #expect(throws: Never.self) { try Peer.connect(to: port.address) }
                        servers.withLock { $0 -= 1 }
                        port.stopListening()
                        successes.withLock { $0 += 1 }
                    }
                }
            }
            for thread in threads { thread.join() }
            #expect(successes.withLock { $0 } > 0)
            #expect(directory.contents.isEmpty)
        }
    }

    @Test("X1: a file that has taken the place of ours stays when we stop")
    func replaced() throws {
        try TemporaryDirectory.with { directory in
            let reactor = try Reactor(options: .forTests)
            let path = directory.file("socket")
            let first = try reactor.listenUNIX(path, Factory())
            unlink(path)
            let second = try reactor.listenUNIX(path, Factory())
            first.stopListening()
            #expect(throws: Never.self) { try Peer.connect(to: second.address) }
            second.stopListening()
            // Nor is it missed.
            try second.startListening()
            unlink(path)
            second.stopListening()
            #expect(directory.contents.isEmpty)
        }
    }

    @Test(
        "X1, F1, F3: a port may start again and again; when the reactor stops its file goes", arguments: [false, true])
    func startAgain(lock: Bool) throws {
        try TemporaryDirectory.with { directory in
            let reactor = try Reactor(options: .forTests)
            let path = directory.file("socket")
            let factory = CountingFactory()
            let port = try reactor.listenUNIX(path, factory, mode: 0o600, lock: lock)
            for _ in 0..<3 {
                port.stopListening()
                #expect(directory.contents.isEmpty)
                try port.startListening()
                #expect(mode(of: path) == 0o600)
            }
            #expect((factory.starts, factory.stops) == (4, 3))
            reactor.callWhenRunning { try? reactor.stop() }
            try reactor.runWatched()
            #expect(directory.contents.isEmpty)
            #expect((factory.starts, factory.stops) == (4, 4))
        }
    }

    @Test("X1: an abstract name has no file, no lock, and is in use by one at a time")
    func abstractNames() throws {
        let reactor = try Reactor(options: .forTests)
        // Abstract names are the whole machine's.
        let name = "spindle-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let port = try reactor.listenUNIX("\0" + name, Factory(), lock: true)
        #expect(port.address == (try SocketAddress(abstract: name)))
        #expect(port.address.description == "unix:@\(name)")
        #expect(throws: Never.self) { try Peer.connect(to: port.address) }
        let error = failure { try reactor.listenUNIX("\0" + name, Factory()) }
        #expect(error?.errno == EADDRINUSE)
        #expect(error?.description == "cannot listen on @\(name): Address already in use")
        port.stopListening()
        #expect(throws: Peer.Failure.self) { try Peer.connect(to: port.address) }
        try port.startListening()
        port.stopListening()
    }

    @Test("X1, F2: an impossible path or mode is a CannotListenError that says so")
    func malformed() throws {
        let reactor = try Reactor(options: .forTests)
        func message(_ path: String, mode: Int = 0o666) -> String {
            failure { try reactor.listenUNIX(path, Factory(), mode: mode) }?.description ?? "no error"
        }
        let long = String(repeating: "x", count: 108)
        #expect(message("") == "cannot listen on : a UNIX socket's path is not empty")
        #expect(message("\0") == "cannot listen on @: an abstract socket name is not empty")
        #expect(message("a\0b").hasSuffix(": a UNIX socket's path contains no zero byte"))
        #expect(
            message(long) == "cannot listen on \(long): a UNIX socket's path has at most 107 bytes, this one has 108")
        #expect(
            message("\0" + long)
                == "cannot listen on @\(long): an abstract socket name has at most 107 bytes, this one has 108")
        for mode in [-1, 0o1000, Int.max] {
            #expect(message("x", mode: mode) == "cannot listen on x: a socket's mode is a number from 0 to 0o777")
        }
    }

    @Test("X1: a path of 107 bytes is served, with a lock whose name is longer")
    func longestPath() throws {
        try TemporaryDirectory.with { directory in
            let reactor = try Reactor(options: .forTests)
            let path = directory.file(String(repeating: "x", count: 106 - directory.path.utf8.count))
            #expect(path.utf8.count == 107)
            let port = try reactor.listenUNIX(path, Factory(), lock: true)
            #expect(port.address.host == path)
            #expect(throws: Never.self) { try Peer.connect(to: port.address) }
            port.stopListening()
            #expect(directory.contents.isEmpty)
        }
    }
}
