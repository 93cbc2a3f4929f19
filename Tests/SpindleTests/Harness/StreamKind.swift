import Logging
import Spindle
import Testing

/// The stream transports there are. A rule of the contract is tested once, on each of them.
///
/// A new transport joins by a line here and by what `connection` does for it; where a socket is not its other end, with a
/// ``TransportRelay``.
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
    /// One of a pair of bufferevents, the other one of which is relayed to the peer's socket.
    case adoptedBufferEventPair
    /// Standard input and output: two pipes, which are joined to the peer's socket.
    case standardIO
    /// A carrier from another module: one of two in memory, the other one of which is relayed to the peer's socket.
    case memory
    /// Accepted, and served through a filter. A client with the same filter is relayed to the peer's socket.
    case filtered
    /// The same filter in memory.
    case filteredMemory

    var testDescription: String { rawValue }

    /// Whether a connection can be reset. A UNIX socket can only be closed: the other side sees a clean
    /// end, or ECONNRESET where that left something unread; and so can a pipe.
    var knowsResets: Bool { !isUNIX && self != .standardIO }

    /// Whether it is one end of a TCP connection, and the peer's socket the other one.
    var isTCP: Bool { !isUNIX && hasSocket && self != .filtered }

    var isUNIX: Bool {
        [.unix, .unixClient, .adoptedPair, .adoptedBufferEventUNIX, .adoptedBufferEventPair].contains(self)
    }

    /// Whether it has a socket of its own: a descriptor, addresses, options, errors of the kernel's. A pair of bufferevents
    /// has an end, and nothing of all that; nothing tells when its other one is freed after that. Pipes have errors, but who
    /// does not write hears nothing of readers who have gone.
    var hasSocket: Bool { ![.adoptedBufferEventPair, .standardIO, .memory, .filteredMemory].contains(self) }

    /// Whether a relay lives on the same reactor, which has passes for that.
    var isAccompanied: Bool { [.adoptedBufferEventPair, .memory, .filteredMemory].contains(self) }

    /// How many passes it takes at most until what the peer does is known.
    var passesForNews: Int { isAccompanied ? 8 : 3 }

    /// Whether a closing connection goes on looking at what its peer does. Standard input is left to whoever reads it next.
    var readsWhileClosing: Bool { self != .standardIO }

    static let withSocket = allCases.filter(\.hasSocket)

    /// Those whose other end is the peer's socket itself.
    static let withPeerSocket = withSocket.filter { $0 != .filtered }

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
        let peerError = try play(adjust: adjust, receiveBuffer: receiveBuffer, peer: script) { stage, end in
            subject.wantsBufferEvent = self == .tcp4Shared
            subject.whenLost = { end.connectionIsLost = true }
            setUp(stage.reactor)
            // For one connection, and not beyond it: the protocol will hold the factory.
            var next: Recorder? = subject
            return Factory { next.take() }
        }
        return Outcome(recorder: subject, peerError: peerError)
    }

    /// Runs one connection of this kind between what `prepare` makes the factory for and a peer's script, until both
    /// sides have said that they are done.
    ///
    /// - Returns: what the script threw.
    func play(
        adjust: (inout Reactor.Options) -> Void, receiveBuffer: CInt?,
        peer script: @escaping @Sendable (Peer) throws -> Void,
        _ prepare: (Stage, ScenarioEnd) throws -> Factory
    ) throws -> (any Error)? {
        ContractChecks.note(self)
        var options = Reactor.Options.forTests
        if self == .tcp4BufferEvent { options.directIO = false }
        adjust(&options)
        let (reactor, leave) = try makeReactor(options)
        defer { leave() }
        let stage = try Stage(reactor, receiveBuffer: receiveBuffer)
        defer { stage.clear() }
        let end = ScenarioEnd(reactor)
        let connect = try connection(on: stage, try prepare(stage, end))
        try end.run(against: script, on: connect)
        return end.peerError
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
