import Glibc
import Testing

@testable import Spindle

/// Rules F1, F4, F5 and S1 on the client's side.
@Suite(.ownThreads) struct ConnectorTests {
    private static let lifetime = [
        "startFactory", "startedConnecting", "buildProtocol", "connectionMade", "connectionLost", "lost", "stopFactory",
    ]

    private func server(on reactor: Reactor, closing: Bool = false) throws -> ListeningPort {
        try reactor.listenTCP(
            0,
            Factory {
                let recorder = Recorder.echo()
                if closing { recorder.onMade = { $0.transport.loseConnection() } }
                return recorder
            }, interface: "127.0.0.1")
    }

    // MARK: - The order of things

    @Test("S1, F5: what a factory and its protocol are told, in order")
    func order() throws {
        let reactor = try Reactor(options: .forTests)
        let port = try server(on: reactor, closing: true).address.port ?? 0
        let recorder = Recorder()
        let factory = NotingClientFactory(recorder)
        factory.onLost = { _ in try reactor.stop() }
        recorder.onMade = { me in
            #expect(me.factory === factory)
            #expect(factory.connector?.state == .connected)
            #expect(me.transport.peer.port == port)
        }
        let connector = reactor.connectTCP("127.0.0.1", port, factory)
        #expect(connector.state == .connecting)
        #expect(connector.factory === factory)
        #expect("\(connector.destination)" == "127.0.0.1:\(port)")
        #expect(factory.events == ["startFactory", "startedConnecting"], "F4: the rest comes in a later pass")
        try reactor.runWatched()
        #expect(factory.events == Self.lifetime)
        #expect(factory.failure is ConnectionDone)
        factory.letGo()
    }

    @Test("F5: reconnecting from inside clientConnectionLost, the factory being in use all the while (Twisted: D4)")
    func reconnectingWhenLost() throws {
        let reactor = try Reactor(options: .forTests)
        let port = try server(on: reactor, closing: true).address.port ?? 0
        let factory = NotingClientFactory(Recorder(), Recorder(), Recorder())
        var losses = 0
        factory.onLost = { connector in
            losses += 1
            if losses < 3 {
                try connector.connect()
                #expect(connector.state == .connecting)
            } else {
                reactor.callLater(.zero) { try reactor.stop() }
            }
        }
        reactor.connectTCP("127.0.0.1", port, factory)
        try reactor.runWatched()
        let middle = Self.lifetime.dropFirst().dropLast()
        #expect(factory.events == ["startFactory"] + middle + middle + middle + ["stopFactory"])
        factory.letGo()
    }

    @Test("F5: reconnecting from inside clientConnectionFailed, until it works")
    func reconnectingWhenFailed() throws {
        let reactor = try Reactor(options: .forTests)
        let port = try reactor.listenTCP(0, Factory { Recorder.echo() }, interface: Loopback.own())
        port.stopListening()
        let recorder = Recorder()
        recorder.onMade = { $0.transport.loseConnection() }
        let factory = NotingClientFactory(recorder)
        var failures = 0
        factory.onFailed = { connector in
            #expect(factory.failure is ConnectionRefusedError)
            failures += 1
            if failures == 3 { try port.startListening() }
            try connector.connect()
        }
        factory.onLost = { _ in reactor.callLater(.zero) { try reactor.stop() } }
        reactor.connectTCP(port.address.host, port.address.port ?? 0, factory)
        try reactor.runWatched()
        let attempt = ["startedConnecting", "failed"]
        #expect(factory.events == ["startFactory"] + attempt + attempt + attempt + Self.lifetime.dropFirst())
        factory.letGo()
    }

    @Test("S4: a connectionMade that throws is the reason of the connection's end")
    func throwingConnectionMade() throws {
        struct Refused: Error {}
        let reactor = try Reactor(options: .forTests)
        let port = try server(on: reactor).address.port ?? 0
        let recorder = Recorder()
        recorder.onMade = { _ in throw Refused() }
        let factory = NotingClientFactory(recorder)
        factory.onLost = { _ in reactor.callLater(.zero) { try reactor.stop() } }
        reactor.connectTCP("127.0.0.1", port, factory)
        try reactor.runWatched()
        #expect(factory.events == Self.lifetime)
        #expect(factory.failure is Refused)
        #expect(recorder.reason is Refused)
        factory.letGo()
    }

    @Test("S4: a factory that builds nothing gets NoProtocol, and the socket is closed")
    func noProtocol() throws {
        let reactor = try Reactor(options: .forTests)
        let accepted = Recorder()
        var next: Recorder? = accepted
        let port = try reactor.listenTCP(0, Factory { next.take() }, interface: "127.0.0.1").address.port ?? 0
        let factory = NotingClientFactory()
        accepted.onLost = { me in try? me.reactor.stop() }
        reactor.connectTCP("127.0.0.1", port, factory)
        try reactor.runWatched()
        #expect(factory.events == ["startFactory", "startedConnecting", "buildProtocol", "failed", "stopFactory"])
        #expect(factory.failure is NoProtocol)
        factory.letGo()
    }

    @Test("F1: a factory used by several connectors is started once and stopped once")
    func useCounts() throws {
        let reactor = try Reactor(options: .forTests)
        let good = try server(on: reactor, closing: true).address.port ?? 0
        let closed = UnansweredPort.refusing()
        defer { withExtendedLifetime(closed) {} }
        let factory = NotingClientFactory(Recorder(), Recorder())
        var ends = 0
        func ended() {
            ends += 1
            if ends == 3 { reactor.callLater(.zero) { try reactor.stop() } }
        }
        factory.onLost = { _ in ended() }
        factory.onFailed = { _ in ended() }
        for port in [good, closed.number, good] { reactor.connectTCP("127.0.0.1", port, factory) }
        try reactor.runWatched()
        #expect(factory.events.count { $0 == "startFactory" } == 1)
        #expect(factory.events.count { $0 == "stopFactory" } == 1)
        #expect(factory.events.last == "stopFactory")
        #expect(ends == 3)
        factory.letGo()
    }

    // MARK: - Stopping

    enum Stage: String, CaseIterable, CustomTestStringConvertible {
        case startedConnecting, resolving, connecting, buildProtocol
        var testDescription: String { rawValue }
    }

    @Test("F4: stopConnecting works at each stage, and is heard of in a later pass", arguments: Stage.allCases)
    func stopConnecting(at stage: Stage) throws {
        let reactor = try Reactor(options: .forTests)
        let resolver = SilentResolver()
        reactor.resolver = resolver
        let hole = try BlackHole()
        let accepted = Recorder()
        var next: Recorder? = accepted
        let port = try reactor.listenTCP(0, Factory { next.take() }, interface: "127.0.0.1").address.port ?? 0
        let recorder = Recorder()
        let factory = NotingClientFactory(recorder)
        func stop(_ connector: Connector) {
            let before = factory.events
            do { try connector.stopConnecting() } catch { Issue.record(error) }
            #expect(throws: NotConnectingError.self, "twice") { try connector.stopConnecting() }
            #expect(factory.events == before, "not in a later pass")
            #expect(connector.state == .connecting)
            #expect(throws: ConnectorBusy.self) { try connector.connect() }
        }
        switch stage {
        case .startedConnecting:
            factory.onStarted = { stop($0) }
            reactor.connectTCP("127.0.0.1", port, factory)
        case .resolving:
            reactor.connectTCP("name", port, factory)
            reactor.callLater(.milliseconds(2)) { stop(try #require(factory.connector)) }
        case .connecting:
            reactor.connectTCP("127.0.0.1", hole.address.port ?? 0, factory)
            reactor.callLater(.milliseconds(2)) { stop(try #require(factory.connector)) }
        case .buildProtocol:
            factory.onBuild = { stop(try #require(factory.connector)) }
            reactor.connectTCP("127.0.0.1", port, factory)
        }
        factory.onFailed = { _ in reactor.callLater(.milliseconds(5)) { try reactor.stop() } }
        try reactor.runWatched()
        #expect(factory.failure is UserError)
        let built = stage == .buildProtocol ? ["buildProtocol"] : []
        #expect(factory.events == ["startFactory", "startedConnecting"] + built + ["failed", "stopFactory"])
        #expect(recorder.events == [], "a protocol was connected all the same")
        #expect(resolver.cancellations == (stage == .resolving ? 2 : 0))
        factory.letGo()
        withExtendedLifetime(hole) {}
    }

    @Test("F4: in connectionMade there is nothing left to stop; disconnect closes the connection")
    func disconnecting() throws {
        let reactor = try Reactor(options: .forTests)
        let port = try server(on: reactor).address.port ?? 0
        let recorder = Recorder()
        let factory = NotingClientFactory(recorder)
        recorder.onMade = { [unowned factory] _ in
            let connector = try #require(factory.connector)
            #expect(throws: NotConnectingError.self) { try connector.stopConnecting() }
            #expect(throws: ConnectorBusy.self) { try connector.connect() }
            connector.disconnect()
        }
        factory.onLost = { connector in
            #expect(throws: NotConnectingError.self) { try connector.stopConnecting() }
            connector.disconnect()
            reactor.callLater(.zero) { try reactor.stop() }
        }
        reactor.connectTCP("127.0.0.1", port, factory)
        try reactor.runWatched()
        #expect(factory.events == Self.lifetime)
        #expect(factory.failure is ConnectionDone)
        factory.letGo()
    }

    @Test("F4: disconnect while connecting stops that; connecting again in startedConnecting is refused")
    func disconnectWhileConnecting() throws {
        let reactor = try Reactor(options: .forTests)
        let hole = try BlackHole()
        let factory = NotingClientFactory(Recorder())
        factory.onStarted = { connector in
            #expect(connector.state == .connecting)
            #expect(throws: ConnectorBusy.self) { try connector.connect() }
        }
        factory.onFailed = { _ in try reactor.stop() }
        let connector = reactor.connectTCP("127.0.0.1", hole.address.port ?? 0, factory)
        reactor.callLater(.milliseconds(2)) { connector.disconnect() }
        try reactor.runWatched()
        #expect(factory.failure is UserError)
        #expect(connector.state == .disconnected)
        factory.letGo()
        withExtendedLifetime(hole) {}
    }

    @Test(
        "R4: a reactor that stops ends what is connecting, and a factory that tries again does not hold it up",
        arguments: [Stage.resolving, .connecting], [true, false])
    func stoppedReactor(at stage: Stage, triesAgain: Bool) throws {
        let reactor = try Reactor(options: .forTests)
        reactor.resolver = SilentResolver()
        let hole = try BlackHole()
        let factory = NotingClientFactory(Recorder())
        if triesAgain { factory.onFailed = { try $0.connect() } }
        reactor.connectTCP(stage == .resolving ? "name" : "127.0.0.1", hole.address.port ?? 0, factory)
        reactor.callLater(.milliseconds(2)) { try reactor.stop() }
        try reactor.runWatched()
        #expect(factory.failure is ReactorNotRunning)
        if !triesAgain {
            #expect(factory.events == ["startFactory", "startedConnecting", "failed", "stopFactory"])
        }
        factory.letGo()
        withExtendedLifetime(hole) {}
    }

    @Test("S8: nothing is left of a connection, its connector and its factory", arguments: [true, false])
    func leaks(succeeds: Bool) throws {
        weak var connector: Connector?
        weak var factory: NotingClientFactory?
        weak var recorder: Recorder?
        let reactor = try Reactor(options: .forTests)
        let closed = UnansweredPort.refusing()
        defer { withExtendedLifetime(closed) {} }
        let port = succeeds ? try server(on: reactor, closing: true).address.port ?? 0 : closed.number
        do {
            let subject = Recorder()
            let made = NotingClientFactory(subject)
            (recorder, factory) = (subject, made)
            let stop: (Connector) throws -> Void = { [unowned made] _ in
                made.letGo()
                made.protocols = []
                reactor.callLater(.zero) { try reactor.stop() }
            }
            (made.onLost, made.onFailed) = (stop, stop)
            connector = reactor.connectTCP("127.0.0.1", port, made)
        }
        #expect(connector != nil, "an attempt is kept by the reactor")
        try reactor.runWatched()
        #expect(connector == nil)
        #expect(factory == nil)
        #expect(recorder == nil)
        #expect(reactor.timers.count == 0)
    }
}
