import Glibc

/// A stream transport on libevent: a descriptor, and a bufferevent where output waits, or by which all input and output pass.
///
/// What sockets and a C program's layers have in common. The bufferevent is made when it is first needed, or was made by C.
class BufferedTransport: StreamTransport {
    /// Its descriptor is negative where nothing of the kernel's is behind the bufferevent.
    private(set) final var socket: Socket
    private final var peerAddress: SocketAddress
    private final var hostAddress: SocketAddress?
    /// Where output waits that the kernel does not take, or all input and output pass.
    final var conduit: BufferEvent?

    init(_ reactor: Reactor, _ socket: Socket, peer: SocketAddress, host: SocketAddress?) {
        self.socket = socket
        peerAddress = peer
        hostAddress = host
        super.init(reactor: reactor)
    }

    /// Takes over a bufferevent of C code's.
    init(_ reactor: Reactor, adopting found: ForeignBufferEvent) {
        socket = Socket(descriptor: found.descriptor)
        peerAddress = (try? socket.peerAddress()) ?? .unspecified
        super.init(reactor: reactor)
        conduit = BufferEvent(adopting: found, on: reactor.base, self)
    }

    /// The bufferevent has got its socket.
    final func learnSocket() {
        guard let conduit else { return }
        socket = Socket(descriptor: conduit.descriptor)
        peerAddress = (try? socket.peerAddress()) ?? .unspecified
    }

    // MARK: - What its subclasses do differently

    /// Whether it is the conduit that receives, and not the transport itself.
    var conduitReceives: Bool { true }

    /// The conduit has passed a long piece on, and there may be more.
    func receiveRest() {}

    /// The conduit has told of the peer's end, which may have to wait for what came before it (S7).
    func conduitEnded() { wireEnded() }

    /// The conduit says that something has left it, or may leave now.
    func conduitDrained() { if conduit != nil { backlogChanged() } }

    /// Called inside libevent's own doings, in no entry.
    func lowestLayerDrained() {}

    /// Before the connection is given back: what is on its way to the conduit goes there.
    func putGatheredFirst() {}

    /// Whether C code that has the conduit again has to be told of the peer's end, of which the conduit will not tell again.
    var mustTellEndAgain: Bool { false }

    /// Whether something waits that cannot be given back.
    var holdsDescriptors: Bool { false }

    // MARK: - What every carrier does

    override func transmit(_ data: RawSpan) { appendToBacklog(data) }
    override var backlogLength: Int { conduit?.outputLength ?? 0 }
    override var bytesTaken: Int { conduit?.bytesTaken ?? 0 }
    override func setLowMark(_ mark: Int) { conduit?.setLowMark(mark) }

    override func readingWasPaused() {
        // The conduit would go on reading into its own memory. One that is being connected is left alone.
        if conduit != nil, pendingStart == nil { park() }
    }

    override func startReceiving() { conduit?.startReading() }
    override func stopReceiving() { conduit?.stopReading() }
    override func park() { stopReceiving() }

    override var unreadByPeerCount: Int { socket.unacknowledgedCount }

    override func dropOutput() {
        saveInput()
        dropConduit()
    }

    override func disconnect(_ how: Disconnection) {
        learnHost()
        if how != .handOver { dropConduit() }
    }

    // MARK: - Addresses

    override var peer: SocketAddress { peerAddress }

    /// Asked of the kernel when first needed: most protocols never want it.
    override var host: SocketAddress {
        learnHost()
        return hostAddress ?? .unspecified
    }

    /// Called before the descriptor goes, too: connectionLost may want to know.
    private final func learnHost() {
        if hostAddress == nil, hasCarrier { hostAddress = try? socket.localAddress() }
    }

    // MARK: - What a socket can do

    override var fileDescriptor: CInt? { !hasCarrier || socket.descriptor < 0 ? nil : socket.descriptor }
    override var peerCredentials: PeerCredentials? { hasCarrier ? socket.peerCredentials : nil }

    override func set(_ option: SocketOption) throws {
        reactor.requireThread()
        guard hasCarrier else { return }
        try socket.set(option)
    }

    override var noDelay: Bool {
        get { hasCarrier && socket[.noDelay] }
        set { if hasCarrier { socket[.noDelay] = newValue } }
    }

    override var keepAlive: Bool {
        get { hasCarrier && socket[.keepAlive] }
        set { if hasCarrier { socket[.keepAlive] = newValue } }
    }

    // MARK: - For C code

    override var limits: RateLimits { conduit?.limits ?? RateLimits() }

    override func giveUpBufferEvent(handingBack rest: RawSpan) throws(CannotDetachBufferEventError) -> (
        BufferEvent, Protocol?
    ) {
        try detach(handingBack: rest)
    }
}
