import Glibc

/// The descriptors of one connection: those that wait to be sent, each with the bytes from there to the next, and
/// those that were received and not handed over yet. Only connections that deal in descriptors have one.
final class DescriptorMail {
    private struct Item {
        /// A copy of our own.
        let descriptor: CInt
        /// What is sent with it and behind it; never empty.
        var bytes: [UInt8]
    }

    private unowned let transport: SocketTransport
    private var outgoing: ArraySlice<Item> = []
    private var waitingBytes = 0
    private var incoming: ArraySlice<CInt> = []

    /// How many bytes the kernel has taken from here.
    private(set) var bytesTaken = 0

    /// Waits for room in the kernel.
    private var event: Event?
    private var retry: DelayedCall?

    /// Each waiting descriptor counts as this many bytes: they are scarcer than memory, so with 64 of them a
    /// producer is paused.
    private static let descriptorWeight = 1024
    /// How soon to try again when too many of this user's descriptors are under way, on whatever connections.
    private static let retryDelay: Duration = .milliseconds(10)

    init(_ transport: SocketTransport) { self.transport = transport }

    // MARK: - Sending

    var isEmpty: Bool { outgoing.isEmpty }

    /// How much waits, as producers see it.
    var weight: Int { waitingBytes + outgoing.count * Self.descriptorWeight }

    /// Takes over `descriptor`, to be sent with the first byte of `data`.
    func append(_ descriptor: CInt, _ data: RawSpan) {
        outgoing.append(Item(descriptor: descriptor, bytes: Array(copying: data)))
        waitingBytes += data.byteCount
    }

    /// Puts `data` behind what waits.
    func append(_ data: RawSpan) {
        outgoing[outgoing.endIndex - 1].bytes.append(copying: data)
        waitingBytes += data.byteCount
    }

    /// Sends the first descriptor and what it can of the bytes behind it.
    ///
    /// - Returns: the bytes, and how many of them were sent: the others come next. Nil if nothing was sent; in
    ///   that case, should anything wait, `sendMore()` is called when it is time to try again.
    func sendFirst() throws(SystemError) -> (bytes: [UInt8], count: Int)? {
        guard let first = outgoing.first else { return nil }
        switch first.bytes.withRawSpan({ transport.socket.send($0, with: first.descriptor) }) {
        case .sent(0):
            try waitForRoom()
            return nil
        case .sent(let count):
            event?.remove()
            close(first.descriptor)
            removeFirst()
            waitingBytes -= first.bytes.count
            bytesTaken += count
            return (first.bytes, count)
        case .failed(let error):
            guard error.errno == ETOOMANYREFS else { throw error }
            event?.remove()
            if retry?.isActive != true {
                retry = transport.reactor.callLater(Self.retryDelay) { [weak self] in self?.eventFired() }
            }
            return nil
        }
    }

    private func removeFirst() {
        // What a slice has left behind it keeps.
        outgoing[outgoing.startIndex].bytes = []
        outgoing.removeFirst()
        if outgoing.isEmpty { outgoing = [] }
    }

    private func waitForRoom() throws(SystemError) {
        let event = event ?? Event(transport.reactor.base, transport.socket.descriptor, .writable, self)
        self.event = event
        try event.add()
    }

    // MARK: - Receiving

    /// Fills the reactor's buffer by recvmsg(2) and keeps what descriptors come along.
    func receive() -> ReceiveBuffer.Outcome {
        var received: [CInt] = []
        let outcome = transport.reactor.receiveBuffer.receive(from: transport.socket, appendingTo: &received)
        incoming += received
        return outcome
    }

    /// The next descriptor to hand over; the caller's from there on.
    func takeReceived() -> CInt? { incoming.popFirst() }

    func closeReceived() {
        for descriptor in incoming { close(descriptor) }
        incoming = []
    }

    // MARK: - The end

    /// Closes all descriptors, and forgets the bytes.
    func close() {
        for item in outgoing { close(item.descriptor) }
        outgoing = []
        waitingBytes = 0
        closeReceived()
        try? retry.take()?.cancel()
        guard let event = event.take() else { return }
        event.remove()
        transport.reactor.base.bury(event)
    }

    private func close(_ descriptor: CInt) { _ = Glibc.close(descriptor) }
}

extension DescriptorMail: EventHandler {
    var description: String { "\(transport)" }

    func eventFired() { transport.sendMore() }
}
