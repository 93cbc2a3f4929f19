import CLibEvent
import Glibc
@_spi(Carriers) import TestCarriers
import Testing

@_spi(Carriers) @testable import Spindle

// How the connections are made.
extension StreamKind {
    /// Makes the reactor, and returns what is to be done when all is over.
    func makeReactor(_ options: Reactor.Options) throws -> (Reactor, leave: () -> Void) {
        guard self == .adoptedBase else {
            let reactor = try Reactor(options: options)
            guard self == .adoptedBufferEventPair else { return (reactor, {}) }
            // When a base is freed, libevent forgets what a pair has deferred, and with it the pair.
            return (reactor, { _ = event_base_loop(reactor.eventBase, EVLOOP_NONBLOCK) })
        }
        let host = HostProgram()
        let reactor = try host.adopt { $0 = options }
        return (
            reactor,
            {
                reactor.invalidate()
                #expect(host.eventCount == 0, "I1: the reactor has left something on the base")
                host.free()
            }
        )
    }

    /// Prepares a connection and returns how the peer's thread gets its end of it.
    func connection(on stage: Stage, _ factory: Factory) throws -> @Sendable () throws -> Peer {
        let (reactor, receiveBuffer) = (stage.reactor, stage.receiveBuffer)
        switch self {
        case .tcp4, .tcp4BufferEvent, .tcp4Shared, .tcp6, .adoptedBase:
            let interface = self == .tcp6 ? "::1" : "127.0.0.1"
            let address = try reactor.listenTCP(0, factory, interface: interface).address
            return { try Peer.connect(to: address, receiveBuffer: receiveBuffer) }
        case .tcp4RateLimited:
            let port = try reactor.listenTCP(0, factory, interface: "127.0.0.1")
            port.rateLimit = RateLimit(read: 1 << 40, write: 1 << 40)
            let address = port.address
            return { try Peer.connect(to: address, receiveBuffer: receiveBuffer) }
        case .unix:
            let address = try reactor.listenUNIX(stage.directory.file("socket"), factory).address
            return { try Peer.connect(to: address) }
        case .unixClient:
            let path = stage.directory.file("socket")
            let listener = try Peer.listener(at: path)
            UNIXClientEndpoint(reactor, path).connect(factory).addErrback { _ in }
            return {
                defer { listener.close() }
                return try listener.accept()
            }
        case .adoptedPort:
            let (listener, port) = try Peer.listener()
            defer { listener.close() }
            let address = try reactor.adoptStreamPort(listener.descriptor, factory).address
            #expect(address.port == port)
            return { try Peer.connect(to: address, receiveBuffer: receiveBuffer) }
        case .adoptedListener:
            let (listener, _) = try Peer.listener()
            defer { listener.close() }
            let raw = try CListener(reactor.eventBase, listener.descriptor).raw
            let address = try reactor.adopt(listener: raw, factory: factory).address
            return { try Peer.connect(to: address, receiveBuffer: receiveBuffer) }
        case .adopted:
            let (ours, peer) = try Peer.tcpPair(receiveBuffer: receiveBuffer)
            defer { ours.close() }
            try reactor.adoptStreamConnection(ours.descriptor, factory)
            return { peer }
        case .adoptedPair:
            let (ours, peer) = try Peer.pair()
            defer { ours.close() }
            try reactor.adoptStreamConnection(ours.descriptor, factory)
            return { peer }
        case .adoptedBufferEvent:
            let (ours, peer) = try Peer.tcpPair(receiveBuffer: receiveBuffer)
            defer { ours.close() }
            try Self.adopt(ours, on: reactor, factory)
            return { peer }
        case .adoptedBufferEventUNIX:
            let (ours, peer) = try Peer.pair()
            defer { ours.close() }
            try Self.adopt(ours, on: reactor, factory)
            return { peer }
        case .adoptedBufferEventPair:
            let (ours, peer) = try Peer.pair()
            var ends: [OpaquePointer?] = [nil, nil]
            #expect(bufferevent_pair_new(reactor.eventBase, 0, &ends) == 0)
            let relay = TransportRelay(reactor, to: ours, passesResets: knowsResets)
            try reactor.adopt(bufferEvent: ends[1], protocol: relay.inner)
            // Or it would take all that is written to the other one, however much, and whether or not the peer reads.
            bufferevent_setwatermark(ends[1], Int16(EV_READ), 0, 65_536)
            let subject = try #require(factory.makeProtocol(for: .unspecified))
            relay.accompany(try reactor.adopt(bufferEvent: ends[0], protocol: subject))
            return { peer }
        case .memory, .filteredMemory:
            let (ours, peer) = try Peer.tcpPair(receiveBuffer: receiveBuffer)
            let (near, far) = MemoryTransport.pair(reactor)
            if self == .filteredMemory { for end in [near, far] { end.insert(MaskingFilter()) } }
            let relay = TransportRelay(reactor, to: ours, passesResets: knowsResets)
            relay.accompany(near)
            // Not used by a port or an attempt, but there is something to come.
            factory.beginUse()
            stage.atEnd { factory.endUse() }
            reactor.inNextPass {
                far.begin(.ready(relay.inner))
                near.begin(.factory(factory))
            }
            return { peer }
        case .filtered:
            let port = try reactor.listenTCP(0, factory, interface: "127.0.0.1")
            port.makeFilter = { MaskingFilter() }
            let (ours, peer) = try Peer.tcpPair(receiveBuffer: receiveBuffer)
            let number = try #require(port.address.port)
            let relay = TransportRelay.onItsOwnThread(to: ours, passesResets: knowsResets) { reactor, factory in
                var plan = ConnectPlan(tcp: "127.0.0.1", number, timeout: nil, bindAddress: nil, options: [])
                plan.makeFilter = { MaskingFilter() }
                return plan.connect(on: reactor, factory)
            }
            stage.atEnd { relay.join() }
            return { peer }
        case .standardIO:
            let (input, output, (ours, peer)) = (try PipeEnds(), try PipeEnds(), try Peer.pair())
            // What it is not told here, the protocol is.
            StandardIOEndpoint(reactor, input: input.reading, output: output.writing).connect(factory)
                .addErrback { _ in }
            // The endpoint has opened it a second time; the other one it lets go of at the end.
            input.closeReading()
            let pump = PipePump(ours, from: output.reading, to: input.writing)
            stage.atEnd {
                pump.join()
                output.closeWriting()
            }
            return { peer }
        case .tcp4Client:
            let (listener, port) = try Peer.listener()
            // A callback that throws fails the Deferred as well, which is not what is tested here.
            TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(factory).addErrback { _ in }
            return {
                defer { listener.close() }
                return try listener.accept(receiveBuffer: receiveBuffer)
            }
        }
    }

    /// Has a bufferevent made as a C program might, with settings of its own, and adopted.
    private static func adopt(_ socket: Peer, on reactor: Reactor, _ factory: Factory) throws {
        let descriptor = fcntl(socket.descriptor, F_DUPFD_CLOEXEC, 0)
        evutil_make_socket_nonblocking(descriptor)
        let bufferEvent = bufferevent_socket_new(reactor.eventBase, descriptor, 0)
        bufferevent_setwatermark(bufferEvent, Int16(EV_READ), 100, 1000)
        bufferevent_enable(bufferEvent, Int16(EV_READ))
        try reactor.adopt(bufferEvent: bufferEvent, protocol: try #require(factory.makeProtocol(for: .unspecified)))
    }
}
