/// A filter at its place in a transport, and what waits on both of its sides.
///
/// Bytes wait in three places: wire bytes that are no whole unit yet, with the filter; the protocol's bytes that are not
/// delivered, with the transport; and here the protocol's bytes that cannot be encoded before the filter has begun.
package final class FilterStage {
    private unowned let transport: StreamTransport
    let filter: any StreamFilter

    /// Whether the protocol's bytes may pass.
    private(set) var hasBegun = false
    /// What was written before.
    private(set) var waiting: [UInt8] = []
    /// Wire bytes that the filter was not given yet, because a callback was on the stack.
    private var unread: [UInt8] = []
    private var hasFinished = false
    private var hasFailed = false
    /// The peer has finished, with something before it that is not delivered yet.
    private var isEndPutOff = false

    init(_ transport: StreamTransport, _ filter: any StreamFilter) {
        self.transport = transport
        self.filter = filter
    }

    // MARK: - What the transport calls

    func start() { attempt { try filter.start(self) } }

    func received(_ data: RawSpan) {
        guard !hasFailed else { return }
        do { try filter.receive(data, self) } catch { fail(error) }
    }

    /// Keeps wire bytes for `resume()`: a callback may be on the stack.
    func keep(_ data: RawSpan) { unread.append(copying: data) }

    /// Delivering is possible again.
    func resume() {
        attempt { try filter.resume(self) }
        let bytes = unread
        unread = []
        if !bytes.isEmpty { bytes.withRawSpan { received($0) } }
        tellEnd()
    }

    func write(_ data: RawSpan) {
        guard hasBegun else {
            waiting.append(copying: data)
            return transport.backlogGrew()
        }
        do { try filter.send(data, self) } catch { fail(error) }
        transport.queueFlush()
    }

    func flush() { if hasBegun { attempt { try filter.flush(self) } } }

    /// Whether something has to leave, or the connection to begin, before writing may end.
    var holdsOutput: Bool { !hasBegun && !hasFailed && (!waiting.isEmpty || transport.state == .open) }

    /// Has the filter say its last words. False if it has none to say.
    func finish() -> Bool {
        guard hasBegun, !hasFinished, !hasFailed else { return false }
        hasFinished = true
        attempt { try filter.finish(self) }
        return true
    }

    /// Nothing more comes on the wire.
    func wireEnded() {
        guard !isEndPutOff else { return tellEnd() }
        // After a failed write the end is a part of that failure.
        guard transport.state == .open, transport.writeError == nil, !hasFailed, !transport.peerHasFinished else {
            return transport.inputEnded()
        }
        do { try filter.wireEnded() } catch { return transport.end(error) }
        inputEnded()
    }

    /// The peer's end is to be told to another protocol.
    func repeatEnd() {
        isEndPutOff = true
        tellEnd()
    }

    /// Whether something waits for the protocol to read again: bytes, or the peer's end.
    var hasSomethingToTell: Bool { isEndPutOff || hasUndelivered }

    /// Whether something goes before the peer's end.
    var hasUndelivered: Bool { !unread.isEmpty || filter.hasUndelivered }

    private func tellEnd() {
        guard isEndPutOff, transport.state == .open, transport.isEndNext else { return }
        isEndPutOff = false
        transport.inputEnded()
    }

    private func attempt(_ body: () throws -> Void) {
        guard !hasFailed else { return }
        do { try body() } catch { fail(error) }
    }

    // MARK: - What the filter calls

    /// The reactor that the connection lives on.
    package var reactor: Reactor { transport.reactor }

    /// The address of the other end.
    package var peer: SocketAddress { transport.peer }

    /// Whether output waits in the carrier: the peer takes less than it is sent.
    package var isBackedUp: Bool { transport.isBacklogged }

    /// Whether the protocol was given bytes before the filter was there that it has not used. It may forget them.
    package func protocolHasUnusedBytes() -> Bool {
        // This one would take it for a switch to another protocol.
        if let reader = transport.connectedProtocol as? ConnectionProtocol { return reader.unreadCount > 0 }
        return transport.connectedProtocol?.takeUnusedBytes().isEmpty == false
    }

    /// Ends the connection, with `error` as the reason. What the filter has sent still leaves; what is written goes nowhere.
    package func fail(_ error: any Error) {
        guard !hasFailed, transport.state != .closed else { return }
        hasFailed = true
        waiting = []
        transport.filterFailed(error)
    }

    /// Sends wire bytes.
    package func transmit(_ data: RawSpan) {
        guard transport.hasCarrier, transport.writeError == nil else { return }
        transport.transmit(data)
        transport.queueFlush()
    }

    /// The protocol's bytes may pass from now on: it is built, if there is none yet, and what was written is sent.
    package func begin() {
        guard !hasBegun, !hasFailed, transport.state != .closed else { return }
        hasBegun = true
        let early = waiting
        waiting = []
        if !early.isEmpty { attempt { try early.withRawSpan { try filter.send($0, self) } } }
        transport.filterBegan()
    }

    /// Whether the protocol's bytes are taken now: by the protocol, or by nobody, after the end.
    package var wantsInput: Bool { transport.isDelivering || (transport.state != .open && transport.state != .broken) }

    /// Delivers bytes to the protocol; keeps them if it wants none now.
    package func deliver(_ data: RawSpan) {
        guard transport.state == .open || transport.state == .broken else { return }
        if transport.isDelivering, !transport.keepsBytes { return transport.deliver(data) }
        do throws(SystemError) { try transport.keepBehind(data) } catch {
            transport.end(ConnectionLost(errno: error.errno))
        }
    }

    /// The peer says, in the filter's own way, that it has finished.
    package func inputEnded() {
        guard transport.state == .open else { return transport.inputEnded() }
        isEndPutOff = true
        tellEnd()
    }
}
