import Glibc
import Spindle
import Testing

/// Rules F1, F2, F3 and S4 of the contract: listening.
@Suite(.ownThreads) struct ListeningPortTests {
    private final class CountingFactory: Factory {
        var starts = 0
        var stops = 0
        override func startFactory() { starts += 1 }
        override func stopFactory() { stops += 1 }
    }

    @Test("F2: port 0 reports the port that the kernel chose", arguments: ["127.0.0.1", "::1", "", "::"])
    func ephemeralPort(interface: String) throws {
        let reactor = try Reactor(options: .forTests)
        let port = try reactor.listenTCP(0, Factory(), interface: interface)
        let number = try #require(port.address.port)
        #expect(number > 0)
        #expect(port.isListening)
        port.stopListening()
    }

    @Test("F2: a port in use is a CannotListenError with interface, port and errno")
    func inUse() throws {
        let reactor = try Reactor(options: .forTests)
        let first = try reactor.listenTCP(0, Factory(), interface: "127.0.0.1")
        let number = try #require(first.address.port)
        let error = #expect(throws: CannotListenError.self) {
            try reactor.listenTCP(number, Factory(), interface: "127.0.0.1")
        }
        #expect(error?.errno == EADDRINUSE)
        #expect(error?.port == number)
        #expect(error?.interface == "127.0.0.1")
        #expect(error?.description == "cannot listen on 127.0.0.1:\(number): Address already in use")
        first.stopListening()
    }

    @Test("F2: a malformed or foreign interface and an impossible port are CannotListenErrors that say so")
    func malformed() throws {
        let reactor = try Reactor(options: .forTests)
        func message(_ port: Int, _ interface: String) -> String {
            do {
                try reactor.listenTCP(port, Factory(), interface: interface)
                return "no error"
            } catch { return "\(error)" }
        }
        #expect(
            message(8000, "not-an-address")
                == "cannot listen on not-an-address:8000: not a numeric IPv4 or IPv6 address")
        #expect(message(0, "127.0.0.256") == "cannot listen on 127.0.0.256:0: not a numeric IPv4 or IPv6 address")
        #expect(message(65_536, "::1") == "cannot listen on [::1]:65536: a port is a number from 0 to 65535")
        #expect(message(-1, "") == "cannot listen on *:-1: a port is a number from 0 to 65535")
        #expect(message(0, "192.0.2.1") == "cannot listen on 192.0.2.1:0: Cannot assign requested address")
    }

    @Test("F1: the factory is started by its first port and stopped by its last, a failed one included")
    func factoryUses() throws {
        let reactor = try Reactor(options: .forTests)
        let factory = CountingFactory()
        #expect(throws: CannotListenError.self) { try reactor.listenTCP(0, factory, interface: "192.0.2.1") }
        #expect((factory.starts, factory.stops) == (1, 1))
        let first = try reactor.listenTCP(0, factory, interface: "127.0.0.1")
        let second = try reactor.listenTCP(0, factory, interface: "127.0.0.1")
        first.stopListening()
        first.stopListening()
        #expect((factory.starts, factory.stops) == (2, 1))
        second.stopListening()
        #expect((factory.starts, factory.stops) == (2, 2))
    }

    @Test("F3: stopListening keeps connections, frees the port, and startListening takes it again")
    func stopAndStart() throws {
        let reactor = try Reactor(options: .forTests)
        let factory = Factory { Recorder.echo() }
        let port = try reactor.listenTCP(0, factory, interface: Loopback.own())
        let address = port.address
        let bound = reactor.bound(port)
        let thread = ScriptThread {
            do {
                let first = try Peer.connect(to: address)
                try first.send("a")
                _ = try first.receive(1)
                let stopped = Handoff()
                bound.handle.callFromThread { reactor in
                    let result = bound.value(on: reactor).stopListening()
                    stopped.finish(result.hasFired)
                }
                #expect(stopped.wait())
                #expect(throws: Peer.Failure.self) { _ = try Peer.connect(to: address) }
                try first.send("b")
                #expect(try first.receive(1) == [98])
                let started = Handoff()
                bound.handle.callFromThread { reactor in
                    try bound.value(on: reactor).startListening()
                    started.finish(bound.value(on: reactor).address == address)
                }
                #expect(started.wait())
                let second = try Peer.connect(to: address)
                try second.send("c")
                #expect(try second.receive(1) == [99])
            } catch { Issue.record(error) }
            bound.handle.stop()
        }
        try reactor.runWatched()
        thread.join()
    }

    @Test("S4: where the factory builds nothing the connection is closed and accepting goes on")
    func refused() throws {
        let reactor = try Reactor(options: .forTests)
        var calls = 0
        let factory = Factory {
            calls += 1
            return calls < 3 ? nil : Recorder.echo()
        }
        let address = try reactor.listenTCP(0, factory, interface: "127.0.0.1").address
        let handle = reactor.handle
        let thread = ScriptThread {
            do {
                for _ in 0..<2 {
                    let refused = try Peer.connect(to: address)
                    #expect(refused.waitForEnd() == 0)
                }
                let served = try Peer.connect(to: address)
                try served.send("x")
                #expect(try served.receive(1) == [120])
            } catch { Issue.record(error) }
            handle.stop()
        }
        try reactor.runWatched()
        thread.join()
        #expect(calls == 3)
    }

    @Test("S9: accepted sockets are non-blocking and close-on-exec")
    func flags() throws {
        let reactor = try Reactor(options: .forTests)
        let subject = Recorder()
        var next: Recorder? = subject
        let address = try reactor.listenTCP(0, Factory { next.take() }, interface: "127.0.0.1").address
        var flags: (status: CInt, descriptor: CInt)?
        subject.onMade = { me in
            // The newest descriptor in this process whose peer is ours.
            let port = UInt16(me.transport.peer.port ?? 0)
            for descriptor in CInt(0)..<4096 where Peer.remotePort(of: descriptor) == port {
                flags = (fcntl(descriptor, F_GETFL), fcntl(descriptor, F_GETFD))
            }
            try me.reactor.stop()
        }
        let thread = ScriptThread { _ = (try? Peer.connect(to: address))?.waitForEnd() }
        try reactor.runWatched()
        thread.join()
        let found = try #require(flags)
        #expect(found.status & O_NONBLOCK != 0)
        #expect(found.descriptor & FD_CLOEXEC != 0)
    }
}
