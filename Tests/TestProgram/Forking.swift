import Glibc
import Spindle

/// Programs that fork, by rule R7.
enum Forking {
    /// Answers each byte with the id of its process, after a timer and a call from another thread.
    final class Answerer: Protocol {
        override func dataReceived(_ data: RawSpan) {
            let me = reactor.bound(self)
            reactor.callLater(.milliseconds(1)) {
                TestProgram.onThread { me.handle.callFromThread { me.value(on: $0).transport.write("\(getpid())\n") } }
            }
        }
    }

    /// Three processes that serve one port.
    static func serve() throws {
        let reactor = try Reactor()
        let port = try reactor.listenTCP(0, Factory { Answerer() }, interface: "127.0.0.1")
        var children: [pid_t] = []
        var isChild = false
        for _ in 0..<2 {
            let child = fork()
            if child > 0 {
                children.append(child)
                continue
            }
            do {
                try reactor.run()
                fatalError("a reactor that was not reinitialized ran")
            } catch is ReactorOfAnotherProcess {}
            try reactor.reinitialize()
            (children, isChild) = ([], true)
            break
        }
        if !children.isEmpty { TestProgram.say("\(port.address.port ?? 0) \(getpid()) \(children[0]) \(children[1])") }
        try reactor.run()
        if isChild { _exit(0) }
        for child in children {
            var status: CInt = 0
            guard waitpid(child, &status, 0) == child, status == 0 else { fatalError("a child ended with \(status)") }
        }
    }

    /// Has a connection that it does not read when it forks.
    final class Reluctant: Protocol {
        override func dataReceived(_ data: RawSpan) {
            transport.pauseProducing()
            reactor.callLater(.milliseconds(1), split)
        }

        private func split() throws {
            let child = fork()
            if child == 0 {
                try reactor.reinitialize()
                TestProgram.say("ready")
                return
            }
            waitpid(child, nil, 0)
            exit(0)
        }

        override func connectionLost(_ reason: any Error) {
            TestProgram.say("\((reason as? ConnectionLost)?.errno == ECONNRESET ? "reset" : "\(reason)")")
            // Without what exit(3) does besides: a leak checker waits for the threads that only the parent has.
            _exit(0)
        }
    }

    /// Not on the main thread: there the reactor serves the main queue, which has threads of its own.
    static func pause() -> Never {
        TestProgram.onThread {
            do {
                let reactor = try Reactor()
                let port = try reactor.listenTCP(0, Factory { Reluctant() }, interface: "127.0.0.1")
                TestProgram.say("\(port.address.port ?? 0)")
                try reactor.run()
            } catch { fatalError("\(error)") }
        }
        while true { sleep(60) }
    }

    /// A child that is signalled before its reactor is its own.
    static func signal() throws {
        let reactor = try Reactor()
        try reactor.addSignalHandler(SIGUSR1) {
            TestProgram.say("handled")
            _exit(0)
        }
        let child = fork()
        guard child == 0 else {
            var status: CInt = 0
            waitpid(child, &status, 0)
            _exit(status == 0 ? 0 : 1)
        }
        raise(SIGUSR1)
        alarm(10)
        try reactor.reinitialize()
        try reactor.run()
    }

    /// Parent and child listen at one path, and the child stops.
    static func shareUNIXSocket(_ path: String) throws {
        let reactor = try Reactor()
        try reactor.listenUNIX(path, Factory { Echo() }, lock: true)
        let child = fork()
        if child == 0 {
            try reactor.reinitialize()
            reactor.callWhenRunning { try reactor.stop() }
            try reactor.run()
            _exit(0)
        }
        waitpid(child, nil, 0)
        TestProgram.say("the child is gone")
        try reactor.run()
    }

    final class Echo: Protocol {
        override func dataReceived(_ data: RawSpan) { transport.write(data) }
    }

    /// Says why a reactor cannot be forked that does something when it has started to run.
    static func refuse(_ what: @escaping (Reactor) -> Void) throws {
        let reactor = try Reactor()
        reactor.callWhenRunning {
            what(reactor)
            do { try reactor.reinitialize() } catch { TestProgram.say("\(error)") }
            try reactor.stop()
        }
        try reactor.run()
    }
}
