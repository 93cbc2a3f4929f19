import Logging

/// One end of a connection whose bytes come in order: the rules of groups S, W and P of <doc:Contract>, for every carrier.
///
/// A carrier is a subclass, which moves bytes: over a socket, through bufferevents, in memory. It overrides what stands under
/// "What a carrier does", which is called when the state of the connection changes, and itself calls
///
/// - `begin(_:completion:)` once;
/// - `received(_:)` with what came in, while `isReading`, while closing and lingering, and where `looksForLastWords`;
/// - `wireEnded()` at the peer's end, when nothing is unread and `isEndNext`;
/// - `backlogGrew()` when something has to wait, with `isBacklogged` set, and `backlogChanged()` when some of that has left;
/// - `writingFailed(_:)` when nothing can be sent any more, and `end(_:)` when the connection is over.
///
/// All of it inside an entry, with no callback on the stack. Bytes pass through a filter on their way, if the connection has
/// one; see ``StreamFilter``.
///
/// The files beside this one hold the rules: `+Starting`, `+Delivering`, `+Pausing`, `+Writing`, `+Producing`, `+Closing`,
/// `+Switching` and `+Filtering`. There is one for each of thousands of connections: small things stand beside small
/// things, where they take no room of their own.
@_spi(Carriers)
open class StreamTransport: Transport {
    package typealias StartCompletion = (Result<Protocol, any Error>) -> Void

    package enum State {
        case open
        /// To be closed when all output has left. Input is thrown away.
        case closing
        /// All has left and the peer was told so; input is thrown away until the peer has finished (W3).
        case lingering
        /// Lost, with something unread that the protocol gets when it reads again. The carrier has let go of it.
        case broken
        /// Over. The carrier has let go of it.
        case closed
    }

    /// How far writing has come.
    enum Output {
        case open
        /// What was written leaves, and then writing ends. Only a producer that was registered before may write more (W4).
        case ending
        case ended
        /// What is written goes nowhere any more. The connection ends when what the peer sent before is delivered.
        case failed(errno: CInt)
    }

    package internal(set) final var state = State.open
    final var output = Output.open

    // MARK: Reading

    /// The protocol wants no bytes now.
    final var isReadingPaused = false
    package internal(set) final var peerHasFinished = false

    /// Something was received and thrown away: the peer may not have expected that.
    package final var hasDiscardedInput = false

    // MARK: Writing

    /// Output waits in the carrier, so that what is sent past it would overtake it.
    package final var isBacklogged = false
    final var isFlushQueued = false
    /// The carrier is on the stack, and will flush by itself.
    final var flushesByItself = false

    /// Among those that are open on the reactor; negative when not.
    private final var slot: Int32 = -1

    /// Nil before the protocol was built, and once it was told of the loss.
    package internal(set) final var connectedProtocol: Protocol?
    /// Until there is a protocol.
    final var pendingStart: PendingStart?
    /// What the bytes pass through, and what waits on both sides of it.
    final var filtering: FilterStage?

    /// A new protocol has been put in place and does not know of it yet: what it is to be given first.
    final var handover: Handover?
    /// What was received and is not delivered yet.
    final var undelivered: Buffer?

    final var producer: RegisteredProducer?
    final var marks: WaterMarks
    final var drainWaiters: [Deferred<Void>] = []

    /// Why the connection ends, or ended; nil if in good order.
    package internal(set) final var endReason: (any Error)?
    /// Of `loseConnection(timeout:)`.
    final var deadline: DelayedCall?
    /// Of closing, and then of lingering.
    final var limit: DelayedCall?

    public override init(reactor: Reactor) {
        marks = reactor.options.waterMarks
        super.init(reactor: reactor)
    }

    // MARK: - What a carrier does

    /// Takes bytes for the wire, behind all that it took before. What cannot leave now waits, which makes ``isBacklogged`` true
    /// and is reported by ``backlogGrew()``.
    open func transmit(_ data: RawSpan) {}

    /// The end of an entry in which something was written, or something happened that closing may have waited for.
    open func flush() {
        flushBegins()
        takeNextStep()
    }

    /// How many bytes wait here.
    open var backlogLength: Int { 0 }

    /// How many of the bytes that had to wait have left.
    open var bytesTaken: Int { 0 }

    /// Sees whether anything waits here, whoever wrote it.
    open func measureBacklog() { isBacklogged = backlogLength > 0 }

    /// ``backlogChanged()`` is to be called as soon as no more than this many bytes wait, and when none does.
    open func setLowMark(_ mark: Int) {}

    /// Receives from now on: to deliver it, for the filter, or to throw it away while closing.
    open func startReceiving() {}

    /// Reading was paused. A carrier for which that costs something may wait until there is something to receive.
    open func readingWasPaused() {}

    /// Receives no more, but watches for the end of the connection, where it can (S7).
    open func park() {}

    /// Receives no more: the peer has finished.
    open func stopReceiving() {}

    /// The peer has finished, and the connection goes on: watches for a reset, which nothing received will tell of.
    open func watchForReset() {}

    /// Looks whether the connection has ended, behind nothing that is undelivered.
    open func lookForEnd() {}

    /// The peer's end, which an earlier protocol was told of, is to be told again.
    open func repeatEnd() { wireEnded() }

    /// Lets the peer know that nothing more will come, once all has reached it.
    open func endOutput() {}

    /// Everything has left the carrier: calls ``end(_:)`` when closing loses nothing of it (W3). Called again when the reactor
    /// stops meanwhile.
    open func finishClosing() { end(endReason) }

    /// How many bytes have left and were not read, or at least acknowledged, by the peer; 0 where nothing tells.
    open var unreadByPeerCount: Int { 0 }

    /// Nothing can be sent any more: what waits is dropped.
    open func dropOutput() {}

    /// The connection is lost: passes on by ``received(_:)`` what has arrived by now and was not received yet, and no more.
    open func receiveUnread() {}

    /// Delivers what is kept here, until somebody stops it.
    open func deliverUndelivered() { deliverKept() }

    /// The protocol is another one than before.
    open func protocolChanged() {}

    /// How a carrier lets go of its connection.
    public enum Disconnection {
        case close
        /// So that the peer is told that something went wrong.
        case reset
        /// Somebody else has it now.
        case handOver
    }

    /// Lets go of the connection. Called once.
    open func disconnect(_ how: Disconnection) {}

    // MARK: - What protocols call

    open override func write(_ data: RawSpan) {
        guard admits(data) else { return }
        transmit(data)
        // A pull producer is asked for more when this has gone.
        if producer != nil { queueFlush() }
    }

    public final override func loseConnection() {
        reactor.requireThread()
        beginClosing()
    }

    public final override func loseConnection(timeout: Duration) {
        reactor.requireThread()
        beginClosing(within: timeout)
    }

    public final override func loseWriteConnection() {
        reactor.requireThread()
        finishWriting()
    }

    public final override func abortConnection() {
        reactor.requireThread()
        abort()
    }

    public final override func pauseProducing() {
        reactor.requireThread()
        pauseReading()
    }

    public final override func resumeProducing() {
        reactor.requireThread()
        resumeReading()
    }

    public final override func registerProducer(_ producer: any Producer, streaming: Bool) throws {
        reactor.requireThread()
        try register(producer, streaming)
    }

    public final override func unregisterProducer() {
        reactor.requireThread()
        forgetProducer()
    }

    package final override func producerEnded(_ producer: Transport) {
        if self.producer?.producer === producer { forgetProducer() }
    }

    package final override var hasFinishedProducing: Bool {
        peerHasFinished || (state != .open && state != .broken)
    }

    package final override var holdsDelivery: Bool { filtering?.hasBegun == false }

    package final override var isBackedUp: Bool { hasPendingOutput && pendingByteCount > marks.high }

    public final override func whenDrained() -> Deferred<Void> {
        reactor.requireThread()
        return drainedLater()
    }

    public final override var waterMarks: WaterMarks {
        get { marks }
        set {
            reactor.requireThread()
            change(newValue)
        }
    }

    public final override func switchProtocol(to newProtocol: Protocol, handingOver rest: RawSpan) {
        reactor.requireThread()
        replaceProtocol(with: newProtocol, handingOver: rest)
    }

    package final override func callbackThrew(_ callback: StaticString, _ error: any Error) {
        reactor.logger.error("\(callback) threw, closing the connection to \(peer): \(error)")
        beginClosing(because: error)
    }

    public final override func whenConnected() -> Deferred<Void> {
        reactor.requireThread()
        if let pendingStart { return pendingStart.whenOver() }
        return Deferred(state == .closed ? .failure(endReason ?? ConnectionDone()) : .success(()))
    }

    // MARK: - How it stands

    public final override var isConnected: Bool { state != .closed && pendingStart?.obstacle != .connecting }
    public final override var isDisconnecting: Bool { state != .open }
    public final override var isPaused: Bool { isReadingPaused }

    /// For example `127.0.0.1:4711 (EchoProtocol), closing, 4096 bytes to send`.
    public final override var description: String {
        var words = [connectedProtocol.map { "\(peer) (\(type(of: $0)))" } ?? "\(peer)"]
        switch state {
        case .open where pendingStart != nil: words.append("not begun yet")
        case .open: if isReadingPaused { words.append("paused") }
        case .closing: words.append("closing")
        case .lingering: words.append("waiting for the peer's end")
        case .broken: words.append("lost, with bytes unread")
        case .closed: words.append("closed")
        }
        if producer != nil { words.append("with a producer") }
        if pendingByteCount > 0 { words.append("\(pendingByteCount) bytes to send") }
        return words.joined(separator: ", ")
    }

    // MARK: - Among those that are open

    /// Becomes one of those that are open on the reactor, which keeps it from here on.
    final func join() { slot = Int32(reactor.open.connections.insert(self)) }

    final func leave() {
        guard slot >= 0 else { return }
        reactor.open.connections.remove(Int(slot))
        slot = -1
    }

    // Overridden by those carriers that have such things.
    open override var peerCredentials: PeerCredentials? { nil }
    open override func sendFileDescriptor(_ descriptor: CInt, with data: RawSpan) throws {
        reactor.requireThread()
        throw CannotSendDescriptorError(.notUNIX)
    }
    open override var fileDescriptor: CInt? { nil }
    open override func set(_ option: SocketOption) throws { reactor.requireThread() }
    open override var noDelay: Bool {
        get { false }
        set {}
    }
    open override var keepAlive: Bool {
        get { false }
        set {}
    }
    open override var host: SocketAddress { .unspecified }
    open override var peer: SocketAddress { .unspecified }
}
