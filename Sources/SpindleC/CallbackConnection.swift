internal import CSpindle
internal import Spindle

/// A connection that calls C back.
@safe
final class CallbackConnection: Handled {
    static let kind = "connection"
    let reactor: Reactor
    var owner: ReactorHandle { reactor.handle }
    var handle: Handle?
    var user: UnsafeMutableRawPointer?
    private let callbacks: Callbacks
    private var stage = Stage.waiting
    /// A write was answered with SPINDLE_FULL, and `drained` has not come yet.
    private var isFull = false

    private enum Stage {
        /// Accepted, or about to be asked for.
        case waiting
        case connecting(Deferred<Protocol>)
        /// By a bufferevent of C's.
        case adopting(Transport)
        case connected(Transport)
        case over
    }

    init(_ reactor: Reactor, _ callbacks: Callbacks, _ user: UnsafeMutableRawPointer?) {
        self.reactor = reactor
        self.callbacks = callbacks
        unsafe self.user = user
    }

    /// Connects it. What comes of that comes in a later pass.
    func connect(to endpoint: any StreamClientEndpoint) {
        issue()
        var next: Protocol? = callbacks.makeProtocol(for: self)
        let attempt = endpoint.connect(Factory { next.take() })
        // What fails at once must not have `lost` called before spindle_connect() has returned.
        attempt.addErrback { [self] error -> Void in reactor.inNextPass { [weak self] in self?.end(error) } }
        if case .waiting = stage { stage = .connecting(attempt) }
    }

    /// Takes over a bufferevent of C's.
    func adopt(_ bufferEvent: OpaquePointer?) throws {
        let transport = try unsafe reactor.adopt(bufferEvent: bufferEvent, protocol: callbacks.makeProtocol(for: self))
        issue()
        stage = .adopting(transport)
        transport.whenConnected().addErrback { [self] error -> Void in end(error) }
    }

    // MARK: - For C

    /// The connection, once it is there.
    var transport: Transport {
        get throws {
            guard case .connected(let transport) = stage else {
                throw Refusal(.state, "the connection is not there yet")
            }
            return transport
        }
    }

    func write(_ data: RawSpan) throws -> Status {
        let transport = try transport
        if transport.isDisconnecting { throw Refusal(.state, "the connection is closing") }
        transport.write(data)
        guard transport.isBackedUp else { return .ok }
        if !isFull {
            isFull = true
            // Fails if the connection is lost before, which `lost` tells.
            transport.whenDrained().addCallbacks({ [self] in drained() }, { _ in })
        }
        return .full
    }

    /// Calls an attempt off, or has `close` end the connection.
    func close(_ close: (Transport) -> Void) {
        switch stage {
        case .connecting(let attempt): attempt.cancel()
        case .adopting(let transport), .connected(let transport): close(transport)
        case .waiting, .over: break
        }
    }

    /// Gives the bufferevent back; nothing is called any more.
    func detachBufferEvent(handingBack rest: RawSpan) throws -> OpaquePointer? {
        let transport = if case .adopting(let transport) = stage { transport } else { try transport }
        let bufferEvent = unsafe try transport.detachBufferEvent(handingBack: rest)
        stage = .over
        retire()
        return unsafe bufferEvent
    }

    /// Its reactor ends, and nothing else will tell C.
    func abandon() {
        close { $0.abortConnection() }
        end(ConnectionAborted())
    }

    // MARK: - For its protocol

    func connectionMade(_ transport: Transport) {
        stage = .connected(transport)
        // One that was accepted has its handle from now on: had it come to nothing before, C would not have been told.
        if handle == nil { issue() }
        unsafe callbacks.raw.connected?(handle?.pointer, user)
    }

    func dataReceived(_ data: RawSpan) {
        unsafe data.withUnsafeBytes { unsafe callbacks.raw.received?(handle?.pointer, $0.baseAddress, $0.count, user) }
    }

    func readEnded() { unsafe callbacks.raw.read_ended?(handle?.pointer, user) }

    private func drained() {
        isFull = false
        // What was written may have gone because the connection has ended, in good order.
        guard case .connected(let transport) = stage, !transport.isDisconnecting else { return }
        unsafe callbacks.raw.drained?(handle?.pointer, user)
    }

    /// Tells C, once, that there is nothing any more that the handle would name.
    func end(_ reason: any Error) {
        if case .over = stage { return }
        stage = .over
        unsafe "\(reason)".withCString {
            unsafe callbacks.raw.lost?(handle?.pointer, Status(reason).rawValue, $0, user)
        }
        retire()
    }
}
