import TestSupport

@testable import Spindle

/// Ports, connectors, endpoints and services that connect to them, and a random sequence of what may be done with them, in
/// their callbacks and between.
///
/// Checks that factories are started and stopped in turn, connectors told of each attempt's beginning and one end, no
/// callback comes inside another, and nothing is left when the reactor has stopped.
final class ConnectorFuzz {
    let reactor: Reactor
    let log: FuzzLog
    var random: SeededGenerator
    let directory: TemporaryDirectory

    let factories = [FuzzClientFactory(), FuzzClientFactory()]
    var connectors: [Connector] = []
    var ports: [ListeningPort] = []
    var connecting: [Deferred<Protocol>] = []
    var services: [ClientService] = []
    /// Those that are connected now.
    var protocols: [Recorder] = []

    var isInCallback = false
    /// Those who connect in the end to see who listens.
    private var visitors: [Peer]?
    private var steps = 0
    private var isUsed: Set<ObjectIdentifier> = []
    private var isConnecting: Set<ObjectIdentifier> = []

    /// From then on callbacks do nothing more, and after some more it ends.
    private static let enough = 350
    private static let limit = 400

    init(_ seed: Int) throws {
        log = FuzzLog("connectors", seed: seed)
        random = SeededGenerator(seed: seed)
        var options = Reactor.Options.forTests
        options.directIO = !random.oneIn(4)
        options.shutdownGrace = .milliseconds(100)
        options.lingerLimit = .milliseconds(50)
        reactor = try Reactor(options: options)
        let addresses = try ["127.0.0.1", "::1", "127.0.0.2", "127.0.0.1", "127.0.0.1"].map {
            try SocketAddress($0, port: 0)
        }
        reactor.resolver = StaticResolver(["host": addresses])
        directory = try TemporaryDirectory()
    }

    /// Runs it to its end, and checks what is left.
    func run() throws -> FuzzLog {
        for factory in factories {
            factory.onBuild = { [unowned self] in makeProtocol() }
            factory.onEvent = { [unowned self] factory, event, connector in happened(event, factory, connector) }
        }
        let server = Factory { [unowned self] in makeProtocol(greeting: "!") }
        for _ in 0..<2 { ports.append(try reactor.listenTCP(0, server, interface: "127.0.0.1")) }
        ports.append(try reactor.listenUNIX(directory.file("socket"), server, lock: true))
        for (port, factory) in zip(ports, factories) {
            let endpoint = HostnameEndpoint(reactor, "host", port.address.port ?? 0, timeout: .seconds(1))
            let policy = BackoffPolicy(initialDelay: .milliseconds(2), maxDelay: .milliseconds(5))
            services.append(ClientService(reactor, endpoint, factory, retryPolicy: policy))
        }
        tick()
        let start = ContinuousClock.now
        try reactor.run()
        checkOutcome(after: ContinuousClock.now - start)
        for factory in factories { (factory.onEvent, factory.onBuild) = ({ _, _, _ in }, { nil }) }
        directory.remove()
        return log
    }

    private func tick() {
        reactor.callLater(.microseconds(random.below(1000))) { [unowned self] in
            callback("tick")
            if !reactor.isStopping { tick() }
        }
    }

    private func checkOutcome(after time: Duration) {
        log.note("end")
        log.check(time < .seconds(8), "it took \(time)")
        log.check(protocols.isEmpty, "\(protocols.count) connections were not lost")
        for port in ports {
            log.check(port.connectionCount == 0, "a port counts \(port.connectionCount) connections in the end")
            log.check(!port.isListening, "a port listens in the end")
        }
        log.check(connectors.allSatisfy { $0.state != .connected }, "a connector is connected in the end")
        if connectors.allSatisfy({ $0.state == .disconnected }) {
            log.check(isUsed.isEmpty, "a factory is in use in the end")
        }
        log.check(!directory.contents.contains("socket"), "the file of a socket is left")
    }

    // MARK: - Callbacks

    /// One that comes inside no other.
    func callback(_ name: String) {
        log.check(!isInCallback, "\(name) came inside another callback")
        isInCallback = true
        nestedCallback(name)
        isInCallback = false
    }

    /// One that may come inside a call of ours.
    func nestedCallback(_ name: String) {
        log.note("<\(name)>")
        for _ in 0..<random.below(3) { act() }
    }

    private func happened(_ event: String, _ factory: FuzzClientFactory, _ connector: Connector?) {
        let id = ObjectIdentifier(factory)
        switch event {
        case "startFactory": log.check(isUsed.insert(id).inserted, "startFactory came twice")
        case "stopFactory": log.check(isUsed.remove(id) != nil, "stopFactory came without startFactory")
        case "startedConnecting":
            log.check(isUsed.contains(id), "\(event) came for a factory that is not in use")
            let isNew = connector.map { isConnecting.insert(ObjectIdentifier($0)).inserted } ?? false
            log.check(isNew, "startedConnecting came twice")
        default:
            log.check(isUsed.contains(id), "\(event) came for a factory that is not in use")
            log.check(!isInCallback, "\(event) came inside another callback")
            let wasConnecting = connector.map { isConnecting.remove(ObjectIdentifier($0)) != nil } ?? false
            log.check(wasConnecting, "\(event) came without startedConnecting")
        }
        if steps < Self.enough { nestedCallback(event) }
    }

    private func makeProtocol(greeting: String = "") -> Protocol? {
        nestedCallback("buildProtocol")
        if random.oneIn(8) { return nil }
        let made = Recorder()
        made.onMade = { [unowned self] me in
            protocols.append(me)
            me.transport.write(greeting)
            callback("connectionMade")
            if random.oneIn(10) { throw CancelledError() }
        }
        made.onData = { [unowned self] _, _ in callback("dataReceived") }
        made.onLost = { [unowned self] me in
            log.check(protocols.contains { $0 === me }, "connectionLost came without connectionMade, or twice")
            protocols.removeAll { $0 === me }
            callback("connectionLost")
        }
        return made
    }

    /// Does one thing at random, and ends it all when there were enough.
    func act() {
        steps += 1
        guard steps < Self.limit else { return visitPorts() }
        perform(ConnectorAction.random(&random))
    }

    /// Ends it when somebody has been at each port that listens, and was served or sent away: one that was opened anew inside a
    /// callback must not be deaf.
    private func visitPorts() {
        guard visitors == nil else { return }
        log.note("visit the ports")
        let visitors = ports.filter(\.isListening).compactMap { try? Peer.connect(to: $0.address) }
        self.visitors = visitors
        lookAtVisitors(until: reactor.seconds + 5)
    }

    private func lookAtVisitors(until limit: Double) {
        let isDone = visitors?.allSatisfy { $0.sight != .nothing } ?? true
        guard isDone || reactor.seconds > limit || reactor.isStopping else {
            reactor.callLater(.milliseconds(1)) { [unowned self] in lookAtVisitors(until: limit) }
            return
        }
        log.check(isDone || reactor.isStopping, "a port that listens serves nobody")
        for visitor in visitors ?? [] { visitor.close() }
        stop()
    }

    func stop() {
        guard !reactor.isStopping else { return }
        log.note("stop")
        try? reactor.stop()
    }
}
