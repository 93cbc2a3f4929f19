import Glibc

/// A connection on a stream socket, or on standard input and output in its place.
///
/// It receives into the reactor's buffer and sends to the kernel directly. What the kernel will not take goes to the conduit, a
/// libevent bufferevent. With direct I/O switched off, or once C code has been given it, the conduit does everything, in both
/// directions.
///
/// The files beside this one hold the parts: `+Receiving`, `+HangUp`, `+Sending`, `+Closing`, and for what few connections
/// need `+Buffering`, `+Descriptors` and `+File`.
final class SocketTransport: BufferedTransport {
    /// Made when it first receives.
    var readEvent: Event?
    /// What small writes wait in until the entry ends.
    var gathered: GatherBuffer?
    /// What waits with descriptors, behind what the conduit holds.
    var mail: DescriptorMail?
    /// Where the reactor's HangUpWatch has this connection, while nobody reads it.
    var watchSlot: Int32?
    /// Whether it receives and sends by itself, with the conduit for what has to wait only.
    var isDirect: Bool
    /// The protocol is a FileDescriptorReceiver, on a UNIX socket.
    var takesDescriptors = false
    /// A file in the place of standard input is about to be read.
    var isReadQueued = false

    /// Takes over a connected socket.
    override init(_ reactor: Reactor, _ socket: Socket, peer: SocketAddress, host: SocketAddress?) {
        isDirect = true
        super.init(reactor, socket, peer: peer, host: host)
    }

    /// Takes over a connected socket, with the conduit for everything where direct I/O is switched off. The socket is closed if this
    /// throws.
    static func open(
        _ reactor: Reactor, _ socket: Socket, peer: SocketAddress, host: SocketAddress?
    ) throws(SystemError) -> SocketTransport {
        let made = SocketTransport(reactor, socket, peer: peer, host: host)
        guard !reactor.options.directIO else { return made }
        do throws(SystemError) { _ = try made.switchToConduit() } catch {
            socket.close()
            throw error
        }
        return made
    }

    /// Takes over a bufferevent of C code's that is a socket's own.
    override init(_ reactor: Reactor, adopting found: ForeignBufferEvent) {
        isDirect = false
        super.init(reactor, adopting: found)
    }

    // MARK: - The hot path

    override func write(_ data: RawSpan) { if admits(data) { send(data) } }

    override func transmit(_ data: RawSpan) { send(data) }

    override func flush() {
        flushBegins()
        sendGathered()
        // C code writes to it as well.
        if !isDirect { measureBacklog() }
        takeNextStep()
    }

    // MARK: - What a carrier does

    override var backlogLength: Int { super.backlogLength + (mail?.weight ?? 0) }
    override var bytesTaken: Int { super.bytesTaken + (mail?.bytesTaken ?? 0) }
    override func startReceiving() { receiveFromNowOn() }

    override func stopReceiving() {
        readEvent?.remove()
        super.stopReceiving()
    }

    override func readingWasPaused() { if !isDirect { super.readingWasPaused() } }

    /// Takes the connection off the base: there is something that would be reported until it is read.
    override func park() {
        stopReceiving()
        watchForHangUp()
    }

    override func watchForReset() { watchForHangUp() }
    override func lookForEnd() { mayHaveHungUp() }
    override func repeatEnd() { mayHaveHungUp() }
    override func endOutput() { socket.shutdownWriting() }
    override func finishClosing() { state == .lingering ? watchLingering() : closeOrLinger() }

    override func dropOutput() {
        super.dropOutput()
        mail?.close()
    }

    override func receiveUnread() { receiveWhatHasArrived() }

    override func deliverUndelivered() {
        deliverDescriptors()
        super.deliverUndelivered()
    }

    override func protocolChanged() { learnWhetherDescriptorsAreTaken() }

    override func disconnect(_ how: Disconnection) {
        super.disconnect(how)
        stopWatching()
        if let event = readEvent.take() {
            event.remove()
            reactor.base.bury(event)
        }
        mail?.close()
        if let buffer = gathered.take() { reactor.gatherPool.give(buffer) }
        if how == .reset { socket.resetOnClose() }
        if how != .handOver { socket.close() }
    }

    // MARK: - What the conduit does

    /// It would have the kernel close descriptors, and knows no lingering.
    override var conduitReceives: Bool { !isDirect && state == .open && !takesDescriptors }
    override func receiveRest() { receivePastConduit() }
    override func conduitDrained() { if conduit != nil { sendMore() } }

    override func conduitEnded() {
        // The socket says it again when it is read again.
        if state == .open, !isReading, !isDirect { return }
        super.conduitEnded()
    }

    override func putGatheredFirst() { prependGathered() }
    override var holdsDescriptors: Bool { mail?.isEmpty == false }

    // MARK: - What only a socket can do

    override func write(_ file: File, from offset: Int, _ count: Int) -> Bool {
        // By sendfile(2) libevent sends as much as goes, whatever the limit.
        acceptsWrites && filtering == nil && !limits.isLimited && appendToBacklog(file, from: offset, count)
    }

    override func sendFileDescriptor(_ descriptor: CInt, with data: RawSpan) throws {
        reactor.requireThread()
        try post(descriptor, data)
    }

    override func goBuffered() throws(SystemError) -> BufferEvent? { try switchToConduit() }
}
