import Glibc
import Logging

/// A connection on a stream socket.
///
/// It receives into the reactor's buffer and sends to the kernel directly. What the kernel will not
/// take goes to a libevent bufferevent, made when it is first needed, which owns it from there on.
/// With direct I/O switched off, or once C code has been given it, the bufferevent does everything, in both directions.
///
/// There is one for each of thousands of connections: flags stand beside flags, where they take no room of their own.
///
/// The files beside this one hold the parts: `+Reading`, `+Pausing`, `+Writing`, `+Closing`, `+Producer`, and for what few
/// connections need `+Buffering`, `+Switching`, `+Descriptors` and `+File`.
final class SocketTransport: Transport {
    enum State {
        case open
        /// To be closed when all output is with the kernel. Input is thrown away.
        case closing
        /// All is sent and writing is shut down; input is thrown away until the peer has finished,
        /// because closing with unread input would have the kernel drop what the peer has not read yet.
        case lingering
        /// The descriptor is gone.
        case closed
    }

    private(set) var socket: Socket
    private var peerAddress: SocketAddress
    private var hostAddress: SocketAddress?
    private var slot: Int?

    /// Of a bufferevent of C code's, until the protocol is told of the connection.
    var adoption: BufferEventAdoption?
    /// That bufferevent is not a socket's own.
    let isLayered: Bool
    /// The peer's end was reported while reading is paused, with something before it.
    var isEndPutOff = false
    var isLookingQueued = false
    var state = State.open

    /// Nil once the protocol was told of the loss.
    var connectedProtocol: Protocol?

    // Reading
    var readEvent: Event?
    /// `receive` is on the stack, and will flush.
    var isReceiving = false
    var isReadingPaused = false
    /// Whether it receives and sends by itself, with the conduit for what has to wait only.
    var isDirect: Bool
    /// It is a regular file, or /dev/null, which epoll does not watch: read in each pass. Or a layered one, which nobody
    /// may look at but its bufferevents.
    let isUnwatchable: Bool
    var isReadQueued = false
    var peerHasFinished = false
    var hasDiscardedInput = false
    /// Where the reactor's HangUpWatch has this connection, while nobody reads it.
    var watchSlot: Int32?
    /// The protocol is a FileDescriptorReceiver, on a UNIX socket.
    var takesDescriptors = false
    /// A new protocol has been put in place and does not know of it yet.
    var isSwitching = false
    /// What that one is to be given first.
    var handedOver: (() -> [UInt8])?
    /// What was received and is not delivered yet.
    var undelivered: Buffer?
    /// The bufferevent: where output waits that the kernel does not take, or all input and output pass.
    var conduit: BufferEvent?

    // Writing
    var gathered: GatherBuffer?
    /// What waits with descriptors, behind what the bufferevent holds.
    var mail: DescriptorMail?
    var acceptsWrites = true
    /// Output waits here, so that direct sends would overtake it.
    var isBacklogged = false
    var isFlushQueued = false
    var isWriteEndRequested = false
    var hasFinishedWriting = false
    /// The errno of the write that failed.
    var writeError: CInt?
    var producer: RegisteredProducer?
    var marks: WaterMarks
    var drainWaiters: [Deferred<Void>] = []

    // Closing
    /// Why the connection ends, or ended.
    var endReason: any Error = ConnectionDone()
    var deadline: DelayedCall?
    var limit: DelayedCall?

    /// Takes over a connected socket, which is closed if this throws.
    init(_ reactor: Reactor, _ socket: Socket, peer: SocketAddress, host: SocketAddress?) throws(SystemError) {
        self.socket = socket
        peerAddress = peer
        hostAddress = host
        marks = reactor.options.waterMarks
        isUnwatchable = socket.stream != nil && Descriptor.whyUnwatchable(socket.descriptor) == EPERM
        isDirect = true
        isLayered = false
        super.init(reactor: reactor)
        guard !reactor.options.directIO else { return }
        do throws(SystemError) { _ = try switchToConduit() } catch {
            socket.close()
            throw error
        }
    }

    /// Takes over a bufferevent of C code's.
    init(_ reactor: Reactor, adopting found: ForeignBufferEvent, for newProtocol: Protocol) {
        adoption = BufferEventAdoption(newProtocol, isConnecting: found.isConnecting)
        isLayered = !found.isSocket
        isUnwatchable = isLayered
        isDirect = false
        socket = Socket(descriptor: found.descriptor)
        peerAddress = (try? socket.peerAddress()) ?? .unspecified
        marks = reactor.options.waterMarks
        super.init(reactor: reactor)
        conduit = BufferEvent(adopting: found, on: reactor.base, self)
        slot = reactor.transports.insert(self)
        awaitConnection()
    }

    /// The bufferevent has got its socket.
    func learnSocket() {
        guard let conduit else { return }
        socket = Socket(descriptor: conduit.descriptor)
        peerAddress = (try? socket.peerAddress()) ?? .unspecified
    }

    /// Tells the observer, connects `newProtocol` and begins to read. Called inside an entry, with no callback on the
    /// stack.
    ///
    /// - Throws: what connectionMade throws; it has been logged, and becomes the reason of the connection's end.
    func start(_ newProtocol: Protocol) throws {
        if slot == nil { slot = reactor.transports.insert(self) }
        connectedProtocol = newProtocol
        observer?.connectionBegan(self)
        learnWhetherDescriptorsAreTaken()
        do {
            try newProtocol.makeConnection(self)
        } catch {
            callbackThrew("connectionMade", error)
            throw error
        }
        // One that is closing already has to notice a reset, and a peer that waits to be read.
        if (state == .closing && socket.stream == nil) || (state == .open && !isReadingPaused) {
            startReading()
        } else if state == .open {
            park()
        }
    }

    /// Tells the protocol of the loss, as the last thing that it hears, and then where it came from (F5).
    func notifyLoss(_ reason: any Error) {
        // A new protocol hears of its connection first, which has been set off in this entry.
        guard !isSwitching else { return reactor.base.postpone { [self] in notifyLoss(reason) } }
        if let slot = slot.take() { reactor.transports.remove(slot) }
        stopProducer()
        // An end in good order has everything sent before it.
        releaseDrainWaiters(reason is ConnectionDone ? .success(()) : .failure(reason))
        let loser = connectedProtocol.take()
        loser?.connectionLost(reason)
        leaveConsumer()
        abandonAdoption(reason)
        observer.take()?.connectionEnded(reason)
    }

    // MARK: - What protocols call

    override func write(_ data: RawSpan) {
        reactor.requireThread()
        // A producer that writes in a loop until it is paused would never end.
        guard acceptsWrites else { return pauseProducer() }
        guard data.byteCount > 0 else { return }
        reactor.bytesWritten += data.byteCount
        output(data)
    }

    override func write(_ file: File, from offset: Int, _ count: Int) -> Bool {
        // By sendfile(2) libevent sends as much as goes, whatever the limit.
        acceptsWrites && !limits.isLimited && appendToBacklog(file, from: offset, count)
    }

    override func sendFileDescriptor(_ descriptor: CInt, with data: RawSpan) throws {
        reactor.requireThread()
        try post(descriptor, data)
    }

    override func loseConnection() {
        reactor.requireThread()
        beginClosing()
    }

    override func loseConnection(timeout: Duration) {
        reactor.requireThread()
        beginClosing(within: timeout)
    }

    override func loseWriteConnection() {
        reactor.requireThread()
        finishWriting()
    }

    override func abortConnection() {
        reactor.requireThread()
        abort()
    }

    override func pauseProducing() {
        reactor.requireThread()
        pauseReading()
    }

    override func resumeProducing() {
        reactor.requireThread()
        resumeReading()
    }

    override func registerProducer(_ producer: any Producer, streaming: Bool) throws {
        reactor.requireThread()
        try register(producer, streaming)
    }

    override func unregisterProducer() {
        reactor.requireThread()
        forgetProducer()
    }

    override func producerEnded(_ producer: Transport) {
        if self.producer?.producer === producer { forgetProducer() }
    }

    override var isBackedUp: Bool { isBacklogged && backlogLength > marks.high }

    override func whenDrained() -> Deferred<Void> {
        reactor.requireThread()
        return drainedLater()
    }

    override var waterMarks: WaterMarks {
        get { marks }
        set {
            reactor.requireThread()
            change(newValue)
        }
    }

    override func switchProtocol(to newProtocol: Protocol, handingOver rest: RawSpan) {
        reactor.requireThread()
        replaceProtocol(with: newProtocol, handingOver: rest)
    }

    override func callbackThrew(_ callback: StaticString, _ error: any Error) {
        reactor.logger.error("\(callback) threw, closing the connection to \(peer): \(error)")
        beginClosing(because: error)
    }

    /// For example `127.0.0.1:4711 (EchoProtocol), closing, 4096 bytes to send`.
    override var description: String {
        var words = [connectedProtocol.map { "\(peer) (\(type(of: $0)))" } ?? "\(peer)"]
        switch state {
        case .open: if isReadingPaused { words.append("paused") }
        case .closing: words.append("closing")
        case .lingering: words.append("waiting for the peer's end")
        case .closed: words.append("closed")
        }
        if producer != nil { words.append("with a producer") }
        if backlogLength > 0 { words.append("\(backlogLength) bytes to send") }
        return words.joined(separator: ", ")
    }

    // MARK: - Addresses and options

    override var peer: SocketAddress { peerAddress }

    /// Asked of the kernel when first needed: most protocols never want it.
    override var host: SocketAddress {
        learnHost()
        return hostAddress ?? .unspecified
    }

    /// Called before the descriptor goes, too: connectionLost may want to know.
    func learnHost() {
        if hostAddress == nil, state != .closed { hostAddress = try? socket.localAddress() }
    }

    override var peerCredentials: PeerCredentials? { state == .closed ? nil : socket.peerCredentials }

    override var isConnected: Bool { state != .closed && adoption?.isConnecting != true }
    override var isDisconnecting: Bool { state != .open }
    override var isPaused: Bool { isReadingPaused }

    override var fileDescriptor: CInt? {
        state == .closed || socket.descriptor < 0 || (isLayered && conduit == nil) ? nil : socket.descriptor
    }

    override var limits: RateLimits { conduit?.limits ?? RateLimits() }

    override func goBuffered() throws(SystemError) -> BufferEvent? { try switchToConduit() }

    override func giveUpBufferEvent(handingBack rest: RawSpan) throws(CannotDetachBufferEventError) -> (
        BufferEvent, Protocol?
    ) {
        try detach(handingBack: rest)
    }

    override func whenConnected() -> Deferred<Void> {
        reactor.requireThread()
        return connectionMadeLater()
    }

    override func set(_ option: SocketOption) throws {
        reactor.requireThread()
        guard state != .closed else { return }
        try socket.set(option)
    }

    override var noDelay: Bool {
        get { state != .closed && socket[.noDelay] }
        set { if state != .closed { socket[.noDelay] = newValue } }
    }

    override var keepAlive: Bool {
        get { state != .closed && socket[.keepAlive] }
        set { if state != .closed { socket[.keepAlive] = newValue } }
    }
}
