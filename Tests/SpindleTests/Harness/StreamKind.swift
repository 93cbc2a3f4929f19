import CLibEvent
import Glibc
import Logging
import Testing

@testable import Spindle

/// The stream transports there are. A rule of the contract is tested once, on each of them.
///
/// A new transport joins by a line here and by what `connect` does for it.
enum StreamKind: String, CaseIterable, CustomTestStringConvertible {
    case tcp4, tcp6
    /// Direct I/O switched off: the bufferevent does everything.
    case tcp4BufferEvent
    /// Direct until C code wants the bufferevent, which is when the connection has been made.
    case tcp4Shared
    /// With a limit that is never felt: libevent counts each byte.
    case tcp4RateLimited
    /// The side that connected.
    case tcp4Client
    case unix, unixClient
    /// Accepted on a listening descriptor that was handed over.
    case adoptedPort
    /// Accepted by a C program's evconnlistener.
    case adoptedListener
    /// A connected descriptor that was handed over: of TCP, and one end of a socket pair.
    case adopted, adoptedPair
    /// On a C program's event_base.
    case adoptedBase
    /// A C program's bufferevent on a socket: of TCP, and one end of a socket pair.
    case adoptedBufferEvent, adoptedBufferEventUNIX
    /// One of a pair of bufferevents, the other one of which a C program relays to a socket.
    case adoptedBufferEventPair

    var testDescription: String { rawValue }

    /// Whether a connection can be reset. A UNIX socket can only be closed: the other side sees a clean
    /// end, or ECONNRESET where that left something unread.
    var knowsResets: Bool { !isUNIX }

    var isUNIX: Bool {
        [.unix, .unixClient, .adoptedPair, .adoptedBufferEventUNIX, .adoptedBufferEventPair].contains(self)
    }

    /// Whether it has a socket of its own: a descriptor, addresses, options, errors of the kernel's. A pair of bufferevents
    /// has an end, and nothing of all that; nothing tells when its other one is freed after that.
    var hasSocket: Bool { self != .adoptedBufferEventPair }

    static let withSocket = allCases.filter(\.hasSocket)

    /// What a run of a scenario came to.
    struct Outcome {
        let recorder: Recorder
        /// What the peer's script threw.
        let peerError: (any Error)?
    }

    /// Runs one connection of this kind between `subject` and a peer's script, until the script has
    /// ended and the connection is lost.
    ///
    /// - Parameters:
    ///   - adjust: changes the reactor's options.
    ///   - receiveBuffer: the peer's SO_RCVBUF; a small one makes a slow reader felt soon.
    ///   - setUp: runs before the connection is made.
    ///   - peer: runs on a thread of its own.
    @discardableResult
    func run(
        _ subject: Recorder = Recorder(),
        adjust: (inout Reactor.Options) -> Void = { _ in },
        receiveBuffer: CInt? = nil,
        setUp: (Reactor) -> Void = { _ in },
        peer script: @escaping @Sendable (Peer) throws -> Void
    ) throws -> Outcome {
        ContractChecks.note(self)
        var options = Reactor.Options.forTests
        if self == .tcp4BufferEvent { options.directIO = false }
        adjust(&options)
        let (reactor, leave) = try makeReactor(options)
        defer { leave() }
        let end = ScenarioEnd(reactor)
        subject.wantsBufferEvent = self == .tcp4Shared
        subject.whenLost = { end.connectionIsLost = true }
        setUp(reactor)
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        // For one connection, and not beyond it: the protocol will hold the factory.
        var next: Recorder? = subject
        let connect = try connection(on: reactor, Factory { next.take() }, receiveBuffer, directory)
        try end.run(against: script, on: connect)
        return Outcome(recorder: subject, peerError: end.peerError)
    }

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
    func connection(
        on reactor: Reactor, _ factory: Factory, _ receiveBuffer: CInt?, _ directory: TemporaryDirectory
    ) throws -> @Sendable () throws -> Peer {
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
            let address = try reactor.listenUNIX(directory.file("socket"), factory).address
            return { try Peer.connect(to: address) }
        case .unixClient:
            let path = directory.file("socket")
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
            let (listener, port) = try Peer.listener()
            defer { listener.close() }
            let ours = try Peer.connect(to: SocketAddress("127.0.0.1", port: port))
            defer { ours.close() }
            let peer = try listener.accept(receiveBuffer: receiveBuffer)
            try reactor.adoptStreamConnection(ours.descriptor, factory)
            return { peer }
        case .adoptedPair:
            let (ours, peer) = try Peer.pair()
            defer { ours.close() }
            try reactor.adoptStreamConnection(ours.descriptor, factory)
            return { peer }
        case .adoptedBufferEvent:
            let (listener, port) = try Peer.listener()
            defer { listener.close() }
            let ours = try Peer.connect(to: SocketAddress("127.0.0.1", port: port))
            defer { ours.close() }
            let peer = try listener.accept(receiveBuffer: receiveBuffer)
            try Self.adopt(ours, on: reactor, factory)
            return { peer }
        case .adoptedBufferEventUNIX:
            let (ours, peer) = try Peer.pair()
            defer { ours.close() }
            try Self.adopt(ours, on: reactor, factory)
            return { peer }
        case .adoptedBufferEventPair:
            let (ours, peer) = try Peer.pair()
            defer { ours.close() }
            let near = try PairRelay.start(reactor, fcntl(ours.descriptor, F_DUPFD_CLOEXEC, 0))
            try reactor.adopt(bufferEvent: near, protocol: try #require(factory.makeProtocol(for: .unspecified)))
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
}

extension StreamKind {
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

/// Stops the reactor when both sides are done; and, long after they should have been, by force.
final class ScenarioEnd {
    private unowned let reactor: Reactor
    private var watchdog: DelayedCall?
    var peerError: (any Error)?
    var peerHasEnded = false { didSet { stopIfDone() } }
    var connectionIsLost = false { didSet { stopIfDone() } }
    var handle: ReactorHandle { reactor.handle }

    init(_ reactor: Reactor) {
        self.reactor = reactor
        watchdog = reactor.callLater(.seconds(60)) { [weak self] in
            guard let self, !self.reactor.isStopping else { return }
            Issue.record("timed out: peer ended \(peerHasEnded), connection lost \(connectionIsLost)")
            try self.reactor.stop()
        }
    }

    /// Runs the reactor, with the other side of the connection played by `script` on a thread of its own.
    @available(*, noasync)
    func run(
        against script: @escaping @Sendable (Peer) throws -> Void, on connect: @escaping @Sendable () throws -> Peer
    ) throws {
        let ended = reactor.bound(self)
        let thread = ScriptThread {
            var failure: (any Error)?
            do {
                let peer = try connect()
                defer { peer.close() }
                try script(peer)
            } catch { failure = error }
            ended.handle.callFromThread { [failure] reactor in
                ended.value(on: reactor).peerError = failure
                ended.value(on: reactor).peerHasEnded = true
            }
        }
        try reactor.run()
        thread.join()
    }

    private func stopIfDone() {
        if peerHasEnded && connectionIsLost && !reactor.isStopping { try? reactor.stop() }
    }
}

extension Reactor.Options {
    /// Quiet, and out of the test runner's way.
    static var forTests: Reactor.Options {
        var options = Reactor.Options()
        options.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        options.handlesSignals = false
        return options
    }
}
