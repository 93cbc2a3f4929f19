import Glibc
import TestCarriers
import Testing

@_spi(Carriers) @testable import Spindle

/// Connections that are open and have no protocol yet, because their filter has not begun (R4, F3, F4, F5, S4).
@Suite(.ownThreads) struct PendingStartTests {
    /// Runs a script with a port whose connections begin with a hello, and with a peer that has said nothing yet.
    private func withPort(
        _ guests: Guests = Guests(), timeout: Duration = .seconds(30),
        _ script: nonisolated(nonsending) @escaping (Reactor, ListeningPort, Peer) async throws -> Void
    ) throws {
        let reactor = try Reactor(options: .forTests)
        let port = try reactor.listenTCP(0, guests, interface: "127.0.0.1")
        port.makeFilter = { MaskingFilter(timeout: timeout) }
        try reactor.run {
            let peer = try Peer.connect(to: port.address)
            try await reactor.until { port.connectionCount == 1 }
            try await script(reactor, port, peer)
        }
        guests.letGo()
        #expect(port.connectionCount == 0)
    }

    /// Runs a script with an attempt to connect by a filter, to a peer that has said nothing yet.
    private func withConnector(
        _ factory: NotingClientFactory, timeout: Duration = .seconds(30),
        _ script: nonisolated(nonsending) @escaping (Reactor, Connector, Peer) async throws -> Void
    ) throws {
        let reactor = try Reactor(options: .forTests)
        let (listener, port) = try Peer.listener()
        defer { listener.close() }
        var plan = ConnectPlan(tcp: "127.0.0.1", port, timeout: timeout, bindAddress: nil, options: [])
        plan.makeFilter = { MaskingFilter() }
        // Until the reactor has stopped: one that goes before would be a reset.
        var kept: Peer?
        defer { kept?.close() }
        try reactor.run {
            let connector = plan.startConnector(on: reactor, factory)
            let peer = try listener.accept()
            kept = peer
            try await reactor.until { peer.sight == .text("mask") }
            try await script(reactor, connector, peer)
        }
        factory.letGo()
        #expect(reactor.open.connections.isEmpty && reactor.open.attempts.isEmpty)
    }

    @Test("L2: the protocol is built after the filter has begun, and what came with the hello is delivered")
    func begins() throws {
        let guests = Guests()
        try withPort(guests) { reactor, port, peer in
            #expect(guests.all.isEmpty && reactor.statistics.connections == 1)
            #expect(reactor.describe().contains("not begun yet"))
            try peer.send(Array("mask".utf8) + [0, 2, 0] + Array("hi".utf8) + [0, 0, 0])
            try await reactor.until { guests.all.first?.losses == 1 }
            #expect(guests.all[0].receivedText == "hi" && guests.all[0].reason is ConnectionDone)
            peer.close()
        }
    }

    @Test("R4: a stopping reactor does not wait for it, and no protocol is built")
    func stopping() throws {
        let guests = Guests()
        try withPort(guests) { reactor, _, _ in try reactor.stop() }
        #expect(guests.all.isEmpty && guests.stops == 1)
    }

    @Test("F3: a port that drains waits for it, and aborts it when the limit is over", arguments: [true, false])
    func draining(leaves: Bool) throws {
        let guests = Guests()
        try withPort(guests) { reactor, port, peer in
            let drained = port.stopListening(drain: leaves ? .seconds(100) : .milliseconds(20))
            #expect(!drained.hasFired && port.connectionCount == 1)
            if leaves { peer.close() }
            try await drained.value()
        }
        #expect(guests.all.isEmpty)
    }

    @Test("S4: buildProtocol may still refuse it")
    func refused() throws {
        let reactor = try Reactor(options: .forTests)
        let port = try reactor.listenTCP(0, Factory { nil }, interface: "127.0.0.1")
        port.makeFilter = { MaskingFilter() }
        try reactor.run {
            let peer = try Peer.connect(to: port.address)
            try await reactor.until { port.connectionCount == 1 }
            try peer.send("mask")
            try await reactor.until { port.connectionCount == 0 }
            #expect(try peer.receiveToEnd() == Array("mask".utf8))
        }
    }

    @Test("L2: a filter that fails, or is tired of waiting, ends it", arguments: ["", "no", "GET / HTTP/1.1"])
    func failing(words: String) throws {
        let guests = Guests()
        try withPort(guests, timeout: words.isEmpty ? .milliseconds(20) : .seconds(30)) { reactor, port, peer in
            try peer.send(words)
            if words == "no" { peer.finishSending() }
            try await reactor.until { Peer.hasOtherSideFinished(peer.descriptor) }
            #expect(try peer.receiveToEnd() == Array("mask".utf8))
            peer.close()
            try await reactor.until { port.connectionCount == 0 }
        }
        #expect(guests.all.isEmpty)
    }

    @Test("I1: taking the reactor off its base ends it")
    func invalidated() throws {
        let host = HostProgram()
        let reactor = try host.adopt { $0 = .forTests }
        let guests = Guests()
        let port = try reactor.listenTCP(0, guests, interface: "127.0.0.1")
        port.makeFilter = { MaskingFilter() }
        let peer = try Peer.connect(to: port.address)
        while port.connectionCount == 0 { host.poll() }
        reactor.invalidate()
        #expect(port.connectionCount == 0 && guests.all.isEmpty && host.eventCount == 0)
        peer.close()
        host.free()
    }

    // MARK: - Connecting

    @Test("F4: the time limit of connecting covers it")
    func connectTimeout() throws {
        let factory = NotingClientFactory(Recorder())
        try withConnector(factory, timeout: .milliseconds(50)) { reactor, connector, peer in
            #expect(connector.state == .connecting)
            try await reactor.until { connector.state == .disconnected }
            #expect(peer.waitForEnd() == ECONNRESET)
        }
        #expect(factory.failure is TimeoutError)
        #expect(factory.events == ["startFactory", "startedConnecting", "failed", "stopFactory"])
    }

    @Test("F4: stopConnecting works at this stage, too")
    func stopConnecting() throws {
        let factory = NotingClientFactory(Recorder())
        try withConnector(factory) { reactor, connector, _ in
            try connector.stopConnecting()
            try await reactor.until { connector.state == .disconnected }
        }
        #expect(factory.failure is UserError)
        #expect(factory.events == ["startFactory", "startedConnecting", "failed", "stopFactory"])
    }

    @Test("R4, F5: a stopping reactor ends the attempt")
    func stoppingWhileConnecting() throws {
        let factory = NotingClientFactory(Recorder())
        try withConnector(factory) { reactor, _, _ in try reactor.stop() }
        #expect(factory.failure is ReactorNotRunning)
        #expect(factory.events == ["startFactory", "startedConnecting", "failed", "stopFactory"])
    }

    @Test("L2: what the filter fails with is what the attempt fails with, without waiting for the peer's end")
    func connectFailure() throws {
        let factory = NotingClientFactory(Recorder())
        try withConnector(factory) { reactor, connector, peer in
            try peer.send("SSH-2.0-OpenSSH")
            try await reactor.until { connector.state == .disconnected }
            #expect(reactor.open.connections.count == 1)
            peer.close()
            try await reactor.until { reactor.open.connections.isEmpty }
        }
        #expect(factory.failure as? MaskingFilter.Failure == .noHello)
        #expect(factory.events == ["startFactory", "startedConnecting", "failed", "stopFactory"])
    }

    @Test("S4: a client factory that builds nothing fails the attempt with NoProtocol")
    func nothingBuilt() throws {
        let factory = NotingClientFactory()
        try withConnector(factory) { reactor, connector, peer in
            try peer.send("mask")
            try await reactor.until { connector.state == .disconnected }
        }
        #expect(factory.failure is NoProtocol)
        #expect(factory.events == ["startFactory", "startedConnecting", "buildProtocol", "failed", "stopFactory"])
    }
}
