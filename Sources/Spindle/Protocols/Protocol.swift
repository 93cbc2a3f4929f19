/// What one connection does: subclass it and override the callbacks.
///
/// ```swift
/// final class EchoProtocol: Protocol {
///     override func dataReceived(_ data: RawSpan) { transport.write(data) }
/// }
/// ```
///
/// One instance serves one connection. Its callbacks run on the reactor's thread, one at a time, and
/// never while another callback of the same reactor is on the stack (S2): ``connectionMade()`` once,
/// then ``dataReceived(_:)`` any number of times, then ``connectionLost(_:)`` once. The first two may
/// throw, which closes the connection with that error as the reason; overrides that do not throw
/// may drop the `throws`.
///
/// ``transport``, ``factory`` and ``reactor`` are there at any time. Before the connection is made and
/// after it is lost they do nothing, so a late timer or task may still write (S8).
open class Protocol {
    private var assignedTransport: Transport?
    private var assignedFactory: Factory?

    public init() {}

    /// The connection: where this protocol writes and how it closes.
    public final var transport: Transport {
        if let assignedTransport { return assignedTransport }
        let inert = InertTransport(reactor: .detached())
        assignedTransport = inert
        return inert
    }

    /// The factory that built this protocol.
    public final var factory: Factory {
        if let assignedFactory { return assignedFactory }
        let inert = Factory()
        assignedFactory = inert
        return inert
    }

    /// The reactor that the connection lives on. Before that, one without a loop: what is asked of
    /// it, a `callLater` in `init` for example, never happens, and is logged.
    public final var reactor: Reactor { transport.reactor }

    // MARK: - Callbacks

    /// The connection is there. No data comes before this has returned (S1).
    open func connectionMade() throws {}

    /// Bytes came in: some of a message, or several, as the network would have it (M1).
    ///
    /// The span is valid during this call only, which the compiler enforces. Copy what you keep:
    /// `Array(copying: data)` or `String(decoding: data)`. Nothing comes after `loseConnection()` or
    /// `abortConnection()` (S5).
    open func dataReceived(_ data: RawSpan) throws {}

    /// The connection is over.
    ///
    /// - Parameter reason: ``ConnectionDone`` when the peer finished or our own `loseConnection()`
    ///   completed; ``ConnectionLost`` when the connection broke; ``ConnectionAborted`` when it was
    ///   aborted here; or what a callback of this protocol threw (S3).
    open func connectionLost(_ reason: any Error) {}

    /// Hands out, and forgets, what was received and not used, when another protocol takes the connection over.
    ///
    /// Called after the callback that switched protocols has returned. Protocols that keep
    /// bytes for later, as a LineReceiver does with half a line, override this.
    open func takeUnusedBytes() -> [UInt8] { [] }

    /// Whether there is something that ``takeUnusedBytes()`` would hand out.
    ///
    /// Transports ask while reading is paused: what the protocol holds counts as unread then, so that the peer's
    /// end comes behind it (S7). Protocols that go on delivering later what they held while paused override
    /// this. Such a one resumes its transport in the entry in which it delivers: first, if it may pause again
    /// meanwhile, so that the transport looks for the end anew.
    open var hasUnusedBytes: Bool { false }

    /// Whether another protocol has taken the connection over.
    public final internal(set) var isReplaced = false

    // MARK: - Connecting

    /// Connects the protocol to a transport and tells it so.
    ///
    /// Transports do this. Call it yourself only in a test, to run a protocol on a transport of the test's.
    public final func makeConnection(_ transport: Transport) throws {
        assignedTransport = transport
        try connectionMade()
    }

    /// Gives the protocol a transport ahead of telling it, for a switch in mid-connection.
    final func attach(to transport: Transport) { assignedTransport = transport }

    /// Sets the factory, unless one was set before.
    final func attach(to factory: Factory) { if assignedFactory == nil { assignedFactory = factory } }
}

@available(*, unavailable)
extension Protocol: Sendable {}
