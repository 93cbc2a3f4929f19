import Glibc

/// One attempt to make one connection, from a name to a protocol that was told of it.
final class ConnectAttempt {
    private let reactor: Reactor
    private let plan: ConnectPlan
    private let factory: Factory
    private let observer: (any ConnectionObserver)?
    private var completion: ((Result<Protocol, any Error>) -> Void)?

    private var slot: Int?
    private var race: AddressRace<Peer>?
    private var lookUps: [Deferred<Void>] = []
    private var timer: DelayedCall?
    private var transport: StreamTransport?

    var destination: ConnectDestination { plan.destination }

    private struct Peer {
        let socket: Socket
        let address: SocketAddress
    }

    /// - Parameters:
    ///   - observer: hears of the end of the connection, if one is made.
    ///   - completion: called once, in a later pass or by `fail`: with the protocol after its connectionMade
    ///     has returned (E1), or with what went wrong, which may be what that threw.
    init(
        _ reactor: Reactor, _ plan: ConnectPlan, _ factory: Factory, observer: (any ConnectionObserver)? = nil,
        completion: @escaping (Result<Protocol, any Error>) -> Void
    ) {
        self.reactor = reactor
        self.plan = plan
        self.factory = factory
        self.observer = observer
        self.completion = completion
    }

    /// Begins. Whatever comes of it, good or bad, comes in a later pass.
    func start() {
        do {
            // Not one of those that a stopping reactor waits for, or a client that tries again and
            // again would keep it.
            try reactor.requireOpen()
            try plan.precondition()
            if case .address(let address) = plan.destination, !plan.families.contains(address.family) {
                throw DNSLookupError(name: address.host, reason: "not an address of the kind that was asked for")
            }
            if case .name = plan.destination, let local = plan.localAddress, !plan.families.contains(local.family) {
                throw ConnectBindError(address: local, errno: EAFNOSUPPORT)
            }
        } catch {
            // Without a loop there is no later pass.
            if reactor.wasInvalidated { return finish(.failure(error)) }
            return reactor.inNextPass { [self] in finish(.failure(error)) }
        }
        slot = reactor.open.attempts.insert(self)
        if let timeout = plan.timeout {
            timer = reactor.callLater(timeout) { [self] in
                finish(.failure(TimeoutError(destination: plan.destination, timeout: timeout)))
            }
        }
        findAddresses()
    }

    /// Gives up, and says so by the completion. Called with no callback on the stack.
    func fail(_ error: any Error) { finish(.failure(error)) }

    /// Gives up at once. The completion is not called.
    func cancel() {
        completion = nil
        // Its connectionMade may be on the stack.
        transport?.abort()
        leave()
    }

    // MARK: - On the way

    private func findAddresses() {
        switch plan.destination {
        case .address(let address):
            makeRace([address.family]).found(address.family, .success([address]))
        case .name(let name, let port):
            let families = plan.families.filter { plan.localAddress == nil || plan.localAddress?.family == $0 }
            let race = makeRace(families)
            for family in families {
                let answer = reactor.resolver.resolve(name, port: port, family, on: reactor)
                // The answer may be there already, or come in somebody's callback, where nothing may be called.
                lookUps.append(
                    answer.addBoth { [weak race, reactor] result in
                        reactor.inNextPass { race?.found(family, result) }
                    })
            }
        }
    }

    private func makeRace(_ families: [SocketAddress.Family]) -> AddressRace<Peer> {
        let nothing = DNSLookupError(name: "\(plan.destination)", reason: "the name has no address")
        let race = AddressRace<Peer>(reactor, families, nothingFound: nothing) { [reactor, plan] address, ended in
            let dial = SocketDial(reactor, address) { ended($0.map { Peer(socket: $0, address: address) }) }
            dial.start(plan)
            return dial.cancel
        } completion: { [weak self] result in
            guard let self else { return }
            do { try connected(result.get()) } catch { finish(.failure(error)) }
        }
        self.race = race
        return race
    }

    private func connected(_ peer: Peer) throws {
        stopTrying()
        let transport = try SocketTransport.open(reactor, peer.socket, peer: peer.address, host: nil)
        self.transport = transport
        transport.observer = observer
        if let makeFilter = plan.makeFilter { transport.insert(makeFilter()) }
        // The time limit goes on until the protocol has been told.
        transport.begin(.factory(factory)) { [weak self] in self?.finish($0) }
    }

    private func stopTrying() {
        race.take()?.cancel()
        let lookUps = lookUps
        self.lookUps = []
        for lookUp in lookUps { lookUp.cancel() }
    }

    private func finish(_ result: Result<Protocol, any Error>) {
        guard let completion = completion.take() else { return }
        leave()
        completion(result)
    }

    private func leave() {
        stopTrying()
        try? timer.take()?.cancel()
        // Without a protocol it has nobody who would close it.
        if let transport = transport.take(), transport.pendingStart != nil { transport.abort() }
        if let slot = slot.take() { reactor.open.attempts.remove(slot) }
    }
}
