import Glibc
import Testing

@testable import Spindle

/// Rule F4: where a connection may be made to, and what is said when it cannot.
@Suite(.ownThreads) struct ConnectFailureTests {
    /// Tries, and returns what the factory was told; nil if a connection was made.
    private func failure(
        on reactor: Reactor, _ host: String, _ port: Int, timeout: Duration? = .seconds(20),
        bindAddress: SocketAddress? = nil
    ) throws -> (any Error)? {
        let recorder = Recorder()
        let factory = NotingClientFactory(recorder)
        recorder.onMade = { $0.transport.loseConnection() }
        factory.onFailed = { _ in try reactor.stop() }
        factory.onLost = { _ in try reactor.stop() }
        reactor.connectTCP(host, port, factory, timeout: timeout, bindAddress: bindAddress)
        #expect(!factory.events.contains("failed"), "told before connectTCP returned")
        try reactor.runWatched()
        defer { factory.letGo() }
        #expect(factory.events.last == "stopFactory")
        return factory.events.contains("failed") ? factory.failure : nil
    }

    @Test("F4: a socket that TCP connects to itself is refused, and may try again; the user's own port is the user's")
    func selfConnect() throws {
        let reactor = try Reactor(options: .forTests)
        let interface = Loopback.own()
        let probe = try reactor.listenTCP(0, Factory(), interface: interface)
        let number = try #require(probe.address.port)
        probe.stopListening()
        // The kernel may choose from that one port only.
        let range = SocketOption(
            "IP_LOCAL_PORT_RANGE",
            [.init(level: CInt(IPPROTO_IP), name: 51, value: .number(CInt(bitPattern: UInt32(number << 16 | number))))])
        var outcomes: [String] = []
        try reactor.run {
            for own in [0, number] {
                let plan = ConnectPlan(
                    tcp: interface, number, timeout: .seconds(10), bindAddress: try SocketAddress(interface, port: own),
                    options: own == 0 ? [range] : [])
                do {
                    let made = try await plan.connect(on: reactor, Factory { Recorder() }).value()
                    outcomes.append("connected to \(made.transport.peer.port == number ? "itself" : "another")")
                    made.transport.abortConnection()
                } catch let error as ConnectionRefusedError {
                    #expect("\(error)".contains("\(number)"))
                    outcomes.append("refused")
                }
            }
        }
        #expect(outcomes == ["refused", "connected to itself"])
    }

    @Test("F4: nobody listens: ConnectionRefusedError with the address")
    func refused() throws {
        let reactor = try Reactor(options: .forTests)
        let closed = UnansweredPort.refusing()
        defer { withExtendedLifetime(closed) {} }
        let address = try SocketAddress("127.0.0.1", port: closed.number)
        let error = try failure(on: reactor, address.host, closed.number)
        #expect((error as? ConnectionRefusedError)?.address == address)
    }

    @Test("F4: no way there: NoRouteError", arguments: ["224.0.0.1", "ff02::1%lo"])
    func unreachable(host: String) throws {
        // Whatever routes a machine has, TCP has none to a group.
        let error = try failure(on: try Reactor(options: .forTests), host, 80)
        #expect((error as? NoRouteError)?.errno == ENETUNREACH, "\(error.map { "\($0)" } ?? "connected")")
    }

    @Test("F4: a local address that this machine does not have: ConnectBindError")
    func cannotBind() throws {
        let reactor = try Reactor(options: .forTests)
        let port = try reactor.listenTCP(0, Factory { Recorder() }, interface: "127.0.0.1").address.port ?? 0
        let elsewhere = try SocketAddress("192.0.2.1", port: 0)
        let error = try failure(on: reactor, "127.0.0.1", port, bindAddress: elsewhere) as? ConnectBindError
        #expect(error?.address == elsewhere)
        #expect(error?.errno == EADDRNOTAVAIL)
    }

    @Test(
        "F4: a local address of another family: ConnectBindError, for names as well", arguments: ["127.0.0.1", "name"])
    func cannotBindFamily(host: String) throws {
        let reactor = try Reactor(options: .forTests)
        reactor.resolver = StaticResolver(["name": [try SocketAddress("127.0.0.1", port: 0)]])
        let plain = TCP4ClientEndpoint(reactor, host, 80, timeout: nil, bindAddress: try SocketAddress("::1", port: 0))
        var error: (any Error)?
        plain.connect(Factory()).addBoth { result in
            error = result.failure
            try reactor.stop()
        }
        #expect(error == nil, "told before connect returned")
        try reactor.runWatched()
        #expect(error is ConnectBindError)
    }

    @Test("F4: the local address is the one that was asked for")
    func bindAddress() throws {
        let reactor = try Reactor(options: .forTests)
        var peer: SocketAddress?
        let server = Recorder()
        server.onMade = { peer = $0.transport.peer }
        var next: Recorder? = server
        let port = try reactor.listenTCP(0, Factory { next.take() }, interface: "127.0.0.1").address.port ?? 0
        let number = UnansweredPort.refusing()
        defer { withExtendedLifetime(number) {} }
        let local = try SocketAddress("127.0.0.2", port: number.number)
        #expect(try failure(on: reactor, "127.0.0.1", port, bindAddress: local) == nil)
        #expect(peer == local)
    }

    @Test("F4: what is no host and no port is an error of its own type")
    func nonsense() throws {
        let reactor = try Reactor(options: .forTests)
        for name in ["", "a\0b"] { #expect(try failure(on: reactor, name, 80) is DNSLookupError) }
        for port in [-1, 65_536] {
            #expect(try failure(on: reactor, "127.0.0.1", port) is InvalidAddressError)
            #expect(try failure(on: reactor, "name", port) is InvalidAddressError)
        }
    }

    @Test("F4: the time-out covers the look-up", arguments: [true, false])
    func timeout(inLookUp: Bool) throws {
        let reactor = try Reactor(options: .forTests)
        let resolver = SilentResolver()
        reactor.resolver = resolver
        let hole = try BlackHole()
        let host = inLookUp ? "name" : "127.0.0.1"
        let begun = ContinuousClock.now
        let error = try failure(on: reactor, host, hole.address.port ?? 0, timeout: .milliseconds(30))
        #expect((error as? TimeoutError)?.timeout == .milliseconds(30))
        #expect(ContinuousClock.now - begun >= .milliseconds(30))
        #expect(resolver.cancellations == (inLookUp ? 2 : 0))
        withExtendedLifetime(hole) {}
    }

    @Test("F4: of a name all addresses are tried; what is said of the host is said before what is said of us")
    func names() throws {
        let reactor = try Reactor(options: .forTests)
        let loopback = try SocketAddress("127.0.0.1", port: 0)
        let group = try SocketAddress("224.0.0.1", port: 0)
        let group6 = try SocketAddress("ff02::1%lo", port: 0)
        reactor.resolver = StaticResolver([
            "good": [group, loopback], "closed": [group6, group, loopback], "away": [group6, group], "empty": [],
        ])
        let port = try reactor.listenTCP(0, Factory { Recorder() }, interface: "127.0.0.1").address.port ?? 0
        #expect(try failure(on: reactor, "good", port) == nil)
        let closed = UnansweredPort.refusing()
        defer { withExtendedLifetime(closed) {} }
        #expect(try failure(on: reactor, "closed", closed.number) is ConnectionRefusedError)
        #expect(try failure(on: reactor, "away", 80) is NoRouteError)
        #expect((try failure(on: reactor, "empty", 80) as? DNSLookupError)?.reason == "the name has no address")
        #expect((try failure(on: reactor, "nobody", 80) as? DNSLookupError)?.name == "nobody")
    }

    @Test("F4: names of /etc/hosts, by the system's resolver")
    func hostsFile() throws {
        let reactor = try Reactor(options: .forTests)
        let port = try reactor.listenTCP(0, Factory { Recorder() }, interface: "127.0.0.1").address.port ?? 0
        #expect(try failure(on: reactor, "localhost", port) == nil)
    }

    @Test("S2: an answer that comes in a callback calls nobody inside it")
    func answeredInCallback() throws {
        let reactor = try Reactor(options: .forTests)
        let resolver = SilentResolver()
        reactor.resolver = resolver
        let factory = NotingClientFactory()
        factory.onFailed = { _ in try reactor.stop() }
        reactor.connectTCP("name", 80, factory)
        let echo = try reactor.listenTCP(0, Factory { Recorder.echo() }, interface: "127.0.0.1").address.port ?? 0
        let asking = Recorder()
        asking.onMade = { $0.transport.write("?") }
        asking.onData = { _, _ in
            for answer in resolver.asked.values { try answer.callback([]) }
            #expect(!factory.events.contains("failed"), "inside dataReceived")
        }
        var next: Recorder? = asking
        TCP4ClientEndpoint(reactor, "127.0.0.1", echo).connect(Factory { next.take() })
        try reactor.runWatched()
        #expect(factory.failure is DNSLookupError)
        factory.letGo()
    }
}
