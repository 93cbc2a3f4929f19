import Glibc
import TestSupport
import Testing

@testable import Spindle

@Suite(.ownThreads) struct ConnectorFuzzTests {
    @Test("E1: standard input and output connected to while the reactor stops", arguments: [false, true])
    func whileStopping(abandoned: Bool) throws {
        var options = Reactor.Options.forTests
        options.shutdownGrace = abandoned ? .milliseconds(20) : .seconds(4)
        let reactor = try Reactor(options: options)
        let (ours, peer) = try Peer.pair()
        var inputEnds: [CInt] = [-1, -1], ends: [CInt] = [-1, -1]
        pipe(&inputEnds)
        pipe(&ends)
        let first = Recorder(), second = Recorder()
        first.onMade = { me in
            let producer = CountingProducer(pieces: 1, size: 1)
            if abandoned { try me.transport.registerProducer(producer, streaming: true) }
            try me.reactor.stop()
            if !abandoned {
                try StandardIOEndpoint(reactor, input: inputEnds[0], output: ends[1]).connect(Factory { second })
                    .addErrback { _ in second }
            }
        }
        first.onLost = { me in
            if abandoned {
                StandardIOEndpoint(me.reactor, input: inputEnds[0], output: ends[1]).connect(Factory { second })
                    .addErrback { _ in second }
            }
        }
        var next: Recorder? = first
        try reactor.adoptStreamConnection(ours.descriptor, Factory { next.take() })
        let start = ContinuousClock.now
        let writing = inputEnds[1]
        let thread = ScriptThread {
            // Breaks a run that would not end.
            var fds = pollfd(fd: writing, events: 0, revents: 0)
            poll(&fds, 1, 6000)
            close(writing)
        }
        try reactor.run()
        #expect(ContinuousClock.now - start < .seconds(2))
        close(inputEnds[0])
        thread.join()
        _ = peer
        for d in ends { close(d) }
    }

    final class CF: ClientFactory {
        var body: (String, Connector?) -> Void = { _, _ in }
        var uses = 0
        override func startFactory() { body("startFactory", nil) }
        override func stopFactory() { body("stopFactory", nil) }
        override func startedConnecting(_ connector: Connector) { body("started", connector) }
        override func clientConnectionFailed(_ connector: Connector, _ reason: any Error) {
            body("failed \(reason)", connector)
        }
        override func clientConnectionLost(_ connector: Connector, _ reason: any Error) {
            body("clientLost", connector)
        }
        var build: () -> Protocol? = { nil }
        override func buildProtocol(_ address: SocketAddress) -> Protocol? { build() }
    }

    @Test("F1: cancelling in stopFactory ends the use once")
    func cancelInStop() throws {
        let reactor = try Reactor(options: .forTests)
        let factory = CF()
        var log: [String] = []
        var connecting: Deferred<Protocol>?
        factory.body = { what, _ in
            log.append(what)
            if what == "stopFactory" { connecting?.cancel(); connecting = nil }
        }
        let (listener, port) = try Peer.listener()
        listener.close()
        func attempt() {
            let d = TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(factory)
            connecting = d
            d.addBoth { _ -> Void in
                if log.count < 4 {
                    reactor.callLater(.zero) { attempt() }
                } else {
                    reactor.callLater(.zero) { try reactor.stop() }
                }
            }
        }
        attempt()
        reactor.callLater(.seconds(2)) { if !reactor.isStopping { try reactor.stop() } }
        try reactor.run()
        #expect(log == ["startFactory", "stopFactory", "startFactory", "stopFactory"])
    }

    @Test("F1, F5, S2: whatever is done in whichever callback, in any order")
    func fuzz() throws {
        let count = getenv("SPINDLE_FUZZ_SEEDS").flatMap { Int(String(cString: $0)) } ?? 10
        for seed in 0..<count { try one(seed) }
    }

    func one(_ seed: Int) throws {
        var g = SeededGenerator(seed: seed)
        func random(_ n: Int) -> Int { Int.random(in: 0..<n, using: &g) }
        var trace: [String] = []
        var failed = false
        func check(_ ok: Bool, _ what: String) {
            if !ok, !failed {
                failed = true; Issue.record("seed \(seed): \(what)\n\(trace.suffix(80).joined(separator: "; "))")
            }
        }
        var options = Reactor.Options.forTests
        options.directIO = random(4) != 0
        options.shutdownGrace = .milliseconds(100)
        options.lingerLimit = .milliseconds(50)
        let reactor = try Reactor(options: options)
        reactor.resolver = StaticResolver([
            "h": try [
                SocketAddress("127.0.0.1", port: 0), SocketAddress("::1", port: 0), SocketAddress("127.0.0.2", port: 0),
                SocketAddress("127.0.0.1", port: 0), SocketAddress("127.0.0.1", port: 0),
            ]
        ])
        let factories = (0..<2).map { _ in CF() }
        var connectors: [Connector] = []
        var ports: [ListeningPort] = []
        var deferreds: [Deferred<Protocol>] = []
        var services: [ClientService] = []
        var depth = 0, steps = 0
        var running: [ObjectIdentifier: Int] = [:]
        var connecting: [ObjectIdentifier: Int] = [:]
        var live = 0
        var protocols: [Recorder] = []
        var directory: TemporaryDirectory! = try TemporaryDirectory()

        func act() {
            steps += 1
            guard steps < 400 else { if !reactor.isStopping { trace.append("stop"); try? reactor.stop() }; return }
            switch random(24) {
            case 0...1: trace.append("connect"); try? connectors.randomElement(using: &g)?.connect()
            case 2: trace.append("stopConnecting"); try? connectors.randomElement(using: &g)?.stopConnecting()
            case 3: trace.append("disconnect"); connectors.randomElement(using: &g)?.disconnect()
            case 4, 5:
                guard connectors.count < 6, let address = ports.randomElement(using: &g)?.address else { return }
                trace.append("connectTCP")
                let f = factories.randomElement(using: &g)!
                if address.family == .unix {
                    connectors.append(reactor.connectUNIX(address.host, f, timeout: .milliseconds(100)))
                } else {
                    let local = random(4) == 0 ? try? SocketAddress("127.0.0.1", port: 0) : nil
                    connectors.append(
                        reactor.connectTCP(
                            random(2) == 0 ? "h" : "127.0.0.1", address.port ?? 1, f,
                            timeout: random(3) == 0 ? .zero : .seconds(1), bindAddress: local))
                }
            case 6: trace.append("stopListening"); ports.randomElement(using: &g)?.stopListening()
            case 7:
                trace.append("drain");
                ports.randomElement(using: &g)?.stopListening(drain: .milliseconds(random(20)))
                    .addBoth { _ -> Void in
                        trace.append("drained"); if depth == 0 { act() }
                    }
            case 8...10: trace.append("startListening"); try? ports.randomElement(using: &g)?.startListening()
            case 11:
                guard let address = ports.randomElement(using: &g)?.address, address.family != .unix else { return }
                trace.append("endpoint")
                let d = HostnameEndpoint(reactor, random(3) == 0 ? "nix" : "h", address.port ?? 1, timeout: .seconds(1))
                    .connect(factories.randomElement(using: &g)!)
                deferreds.append(d)
                d.addBoth { _ -> Void in
                    trace.append("fired"); if depth == 0 { act() }
                }
            case 12: trace.append("cancel"); deferreds.popLast()?.cancel()
            case 13: protocols.randomElement(using: &g)?.transport.loseConnection()
            case 14: protocols.randomElement(using: &g)?.transport.abortConnection()
            case 15, 16: protocols.randomElement(using: &g)?.transport.write("x")
            case 17: services.randomElement(using: &g)?.startService()
            case 18:
                let d = services.randomElement(using: &g)?.stopService()
                d?.addBoth { _ -> Void in
                    trace.append("stopped"); if depth == 0 { act() }
                }
            case 19:
                services.randomElement(using: &g)?.whenConnected(failAfterFailures: 1 + random(3)).addBoth {
                    _ -> Void in
                    trace.append("whenConnected"); if depth == 0 { act() }
                }
            case 20 where random(60) == 0: trace.append("stop"); try? reactor.stop()
            default: break
            }
        }
        func entered(_ what: String) {
            trace.append("<\(what)>")
            for _ in 0..<random(3) { act() }
        }
        func make() -> Protocol? {
            entered("build")
            if random(8) == 0 { return nil }
            let r = Recorder()
            var mine = 0
            r.onMade = { me in
                check(depth == 0, "made re-entered"); mine += 1; live += 1
                protocols.append(me)
                depth += 1; entered("made"); depth -= 1
                if random(10) == 0 { throw CancelledError() }
            }
            r.onData = { _, _ in
                check(depth == 0, "data re-entered"); depth += 1; entered("data"); depth -= 1
            }
            r.onLost = { me in
                check(depth == 0, "lost re-entered"); mine -= 1; live -= 1
                check(mine == 0, "lost \(mine)")
                protocols.removeAll { $0 === me }
                depth += 1; entered("lost"); depth -= 1
            }
            return r
        }
        for factory in factories {
            let id = ObjectIdentifier(factory)
            factory.build = make
            factory.body = { what, connector in
                if what == "startFactory" {
                    running[id, default: 0] += 1; check(running[id] == 1, "startFactory twice")
                }
                if what == "stopFactory" { running[id, default: 0] -= 1; check(running[id] == 0, "stopFactory twice") }
                if let connector {
                    let c = ObjectIdentifier(connector)
                    if what == "started" {
                        connecting[c, default: 0] += 1; check(connecting[c] == 1, "started twice")
                    } else {
                        connecting[c, default: 0] -= 1; check(connecting[c] == 0, "\(what) without start");
                        check(depth == 0, "\(what) re-entered")
                    }
                    check(running[id] == 1, "\(what) while factory is not in use")
                }
                if steps < 350 { entered(what) }
            }
        }
        let server = Factory(make)
        for _ in 0..<2 { ports.append(try reactor.listenTCP(0, server, interface: "127.0.0.1")) }
        ports.append(try reactor.listenUNIX(directory.file("s"), server, lock: true))
        for i in 0..<2 {
            services.append(
                ClientService(
                    reactor, HostnameEndpoint(reactor, "h", ports[i].address.port!, timeout: .seconds(1)), factories[i],
                    retryPolicy: BackoffPolicy(initialDelay: .milliseconds(2), maxDelay: .milliseconds(5))))
        }
        func tick() {
            reactor.callLater(.microseconds(random(1000))) {
                depth += 1; act(); depth -= 1
                if !reactor.isStopping { tick() }
            }
        }
        tick()
        let start = ContinuousClock.now
        try reactor.run()
        check(ContinuousClock.now - start < .seconds(4), "took \(ContinuousClock.now - start)")
        check(live == 0, "live \(live)")
        for port in ports {
            check(port.connectionCount == 0, "count \(port.connectionCount)"); check(!port.isListening, "listening")
        }
        for c in connectors where c.state == .connected { check(false, "connected at end") }
        for (_, n) in running where n != 0 {
            trace.append("uses \(n)");
            if connectors.allSatisfy({ $0.state == .disconnected }) { check(false, "factory in use at the end") }
        }
        check(!directory.contents.contains("s"), "file left")
        for factory in factories { factory.body = { _, _ in }; factory.build = { nil } }
        (connectors, ports, deferreds, services, protocols) = ([], [], [], [], [])
        directory.remove()
        directory = nil
    }
}
