@testable import Spindle

extension ConnectorFuzz {
    func perform(_ action: ConnectorAction) {
        if action != .nothing { log.note("\(action)") }
        switch action {
        case .connect: try? connectors.randomElement(using: &random)?.connect()
        case .stopConnecting: try? connectors.randomElement(using: &random)?.stopConnecting()
        case .disconnect: connectors.randomElement(using: &random)?.disconnect()
        case .connectNew: connectNew()
        case .connectEndpoint: connectEndpoint()
        case .cancel: connecting.popLast()?.cancel()
        case .stopListening: ports.randomElement(using: &random)?.stopListening()
        case .drain:
            let limit = Duration.milliseconds(random.below(20))
            expect("drained", ports.randomElement(using: &random)?.stopListening(drain: limit))
        case .startListening: try? ports.randomElement(using: &random)?.startListening()
        case .lose: protocols.randomElement(using: &random)?.transport.loseConnection()
        case .abort: protocols.randomElement(using: &random)?.transport.abortConnection()
        case .write: protocols.randomElement(using: &random)?.transport.write("x")
        case .startService: services.randomElement(using: &random)?.startService()
        case .stopService: expect("stopped", services.randomElement(using: &random)?.stopService())
        case .whenConnected:
            let attempts = 1 + random.below(3)
            expect("whenConnected", services.randomElement(using: &random)?.whenConnected(failAfterFailures: attempts))
        case .stop: stop()
        case .nothing: break
        }
    }

    /// Does something at random when a Deferred fires, which may be at once.
    private func expect<Value>(_ name: String, _ deferred: Deferred<Value>?) {
        deferred?.addBoth { [unowned self] _ -> Void in
            isInCallback ? log.note(name) : callback(name)
        }
    }

    private func connectNew() {
        guard connectors.count < 6, let address = ports.randomElement(using: &random)?.address,
            let factory = factories.randomElement(using: &random)
        else { return }
        guard address.family != .unix else {
            return connectors.append(reactor.connectUNIX(address.host, factory, timeout: .milliseconds(100)))
        }
        connectors.append(
            reactor.connectTCP(
                random.oneIn(2) ? "host" : "127.0.0.1", address.port ?? 1, factory,
                timeout: random.oneIn(3) ? .zero : .seconds(1),
                bindAddress: random.oneIn(4) ? try? SocketAddress("127.0.0.1", port: 0) : nil))
    }

    private func connectEndpoint() {
        guard let address = ports.randomElement(using: &random)?.address, address.family != .unix,
            let factory = factories.randomElement(using: &random)
        else { return }
        let name = random.oneIn(3) ? "nowhere" : "host"
        let attempt = HostnameEndpoint(reactor, name, address.port ?? 1, timeout: .seconds(1)).connect(factory)
        connecting.append(attempt)
        expect("connected", attempt)
    }
}
