import Testing

@testable import Spindle

/// Rule E3 with real sockets.
@Suite(.ownThreads) struct HappyEyeballsTests {
    @Test(
        "E3: with a dead IPv6 path the IPv4 connection is there while the IPv6 attempt is still under way",
        .enabled(if: BlackHole.hasIPv6, "the loopback interface has no IPv6"))
    func deadIPv6() throws {
        let reactor = try Reactor(options: .forTests)
        let (hole, port) = try holeAndPort(reactor)
        reactor.resolver = StaticResolver([
            "dual": [try SocketAddress("::1", port: 0), try SocketAddress("127.0.0.1", port: 0)]
        ])
        let client = Recorder()
        var next: Recorder? = client
        let endpoint = HostnameEndpoint(reactor, "dual", port, timeout: .seconds(20))
        let begun = ContinuousClock.now
        var took: Duration?
        reactor.callWhenRunning {
            endpoint.connect(Factory { next.take() }).addCallback { connected -> Void in
                took = ContinuousClock.now - begun
                #expect(connected.transport.peer.family == .ipv4)
                try reactor.stop()
            }.addErrback { error in
                Issue.record(error)
                try reactor.stop()
            }
        }
        try reactor.runWatched()
        let elapsed = try #require(took)
        // Had the IPv6 attempt failed, the next would have begun at once, before the 250 ms were over; and
        // the kernel gives up such an attempt only after minutes.
        #expect(elapsed >= .milliseconds(249) && elapsed < .seconds(10), "\(elapsed)")
        withExtendedLifetime(hole) {}
    }

    @Test("E3: a refusal on IPv6 costs nothing", .enabled(if: BlackHole.hasIPv6, "the loopback interface has no IPv6"))
    func refusedIPv6() throws {
        let reactor = try Reactor(options: .forTests)
        let port = try reactor.listenTCP(0, Factory { Recorder() }, interface: "127.0.0.1").address.port ?? 0
        let addresses = ["::1", "127.0.0.1"].compactMap { try? SocketAddress($0, port: 0) }
        reactor.resolver = StaticResolver(["dual": addresses])
        var next: Recorder? = Recorder()
        // With the clock held no stagger ever ends: only the failure can start the second attempt.
        reactor.stopClock()
        reactor.callWhenRunning {
            HostnameEndpoint(reactor, "dual", port).connect(Factory { next.take() }).addBoth { result in
                #expect((try? result.get())?.transport.peer.family == .ipv4)
                try reactor.stop()
            }
        }
        try withWatchdog(reactor) { try reactor.run() }
    }

    /// A black hole on ::1 and a listening port on 127.0.0.1 with the same number.
    private func holeAndPort(_ reactor: Reactor) throws -> (BlackHole, Int) {
        for _ in 0..<20 {
            let hole = try BlackHole(ipv6: true)
            let number = hole.address.port ?? 0
            if (try? reactor.listenTCP(number, Factory { Recorder() }, interface: "127.0.0.1")) != nil {
                return (hole, number)
            }
        }
        throw CannotFindPort()
    }

    private struct CannotFindPort: Error {}

    /// For a reactor whose own timers stand still.
    private func withWatchdog(_ reactor: Reactor, _ body: () throws -> Void) throws {
        let done = Handoff()
        let handle = reactor.handle
        let thread = ScriptThread { if !done.wait() { handle.stop() } }
        try body()
        done.finish(true)
        thread.join()
    }
}
