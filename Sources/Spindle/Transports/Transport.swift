/// One end of a connection, as a protocol sees it: where it writes, and how it closes.
///
/// Every kind of transport keeps the same contract; the rules are in the guide <doc:Contract>. A protocol that is not
/// connected has one as well, which does nothing. Use a transport on its reactor's thread only.
///
/// This class is the interface alone: each method stops the program until a subclass overrides it, so that a subclass cannot
/// forget one and silently do nothing. Spindle makes the subclasses; programs have no need to.
// Open for its subclass StreamTransport to be; its initializer and its methods are not.
open class Transport: CustomStringConvertible {
    /// The reactor that the connection lives on.
    public final let reactor: Reactor

    /// Told once, after the protocol, that the connection is over.
    package final var observer: (any ConnectionObserver)?

    /// The transport that this one is registered with as a producer.
    package final weak var consumer: Transport?

    init(reactor: Reactor) { self.reactor = reactor }

    private func abstract(_ method: StaticString = #function) -> Never {
        fatalError("\(type(of: self)) has to override \(method)")
    }

    /// What it connects, and how that stands, in words for people.
    public var description: String { abstract() }

    /// The address of this end.
    public var host: SocketAddress { abstract() }

    /// The address of the other end.
    public var peer: SocketAddress { abstract() }

    /// Who is at the other end of a UNIX socket; nil of other connections, and of those that are over.
    public var peerCredentials: PeerCredentials? { abstract() }

    /// Whether the connection is open, the time it takes to close included.
    public var isConnected: Bool { abstract() }

    /// Whether the connection is closing or closed on our account: nothing will be delivered any more.
    public var isDisconnecting: Bool { abstract() }

    /// Whether reading is paused; see ``pauseProducing()``.
    public var isPaused: Bool { abstract() }

    /// Fires once `connectionMade` has returned, and at once if it has; fails with what kept it from being called, or with
    /// what it threw.
    ///
    /// Of interest with ``Reactor/adopt(bufferEvent:protocol:)``, which hands out transports of connections that are still
    /// being made. What is written meanwhile waits; ``loseConnection()`` gives up.
    public func whenConnected() -> Deferred<Void> { abstract() }

    // MARK: - Writing

    /// Sends bytes, after all that was written before.
    ///
    /// Never blocks and takes any amount (W1). What is written in one callback leaves together when
    /// the callback returns (W2); large writes leave at once. What the kernel will not take waits
    /// in memory: pace yourself with ``registerProducer(_:streaming:)`` if the peer may be slow.
    /// Does nothing when not connected, or after ``loseConnection()`` (W3).
    public func write(_ data: RawSpan) { abstract() }

    /// Sends a piece of a file without reading it into memory. False if this transport cannot: then it is to be written.
    func write(_ file: File, from offset: Int, _ count: Int) -> Bool { false }

    /// Sends an open descriptor to the other end of a UNIX socket, where a ``FileDescriptorReceiver`` gets
    /// it (X2).
    ///
    /// It leaves after all that was written before, travels with the first byte of `data`, and is a copy: close your own whenever
    /// you like. While it waits to be sent it counts as a KiB for producers. After the connection's end this does nothing.
    ///
    /// - Throws: ``CannotSendDescriptorError`` if the transport is no UNIX socket, `data` is empty, or the
    ///   descriptor cannot be copied.
    public func sendFileDescriptor(_ descriptor: CInt, with data: RawSpan) throws { abstract() }

    // MARK: - Closing

    /// Closes the connection once everything written so far has been sent (W3).
    ///
    /// Returns at once; the protocol's `connectionLost` follows, with ``ConnectionDone``. Until then
    /// nothing is delivered, and later writes are dropped. A registered producer is waited for, and as long as it is registered
    /// all writes are sent, whoever makes them. A
    /// peer that reads nothing for ``Reactor/Options/closeLimit`` is cut off, and so is one that has finished while the
    /// producer writes nothing for as long (W4).
    public func loseConnection() { abstract() }

    /// As ``loseConnection()``, but aborts if that is not done when `timeout` is over (W4).
    public func loseConnection(timeout: Duration) { abstract() }

    /// Finishes sending: the peer sees the end of our data once it has read it all. Reading goes on (W6).
    public func loseWriteConnection() { abstract() }

    /// Drops what is unsent and resets the connection; `connectionLost` with ``ConnectionAborted``
    /// comes in the next pass (W5).
    public func abortConnection() { abstract() }

    // MARK: - Flow

    /// Stops reading, at once (P4). The kernel's buffers fill up, and then the peer has to wait.
    public func pauseProducing() { abstract() }

    /// Starts reading again (P4).
    public func resumeProducing() { abstract() }

    /// Has `producer` paused while more waits to be sent than is good, and resumed afterwards (P2).
    ///
    /// When not connected any more, tells the producer to stop, at once.
    ///
    /// - Parameter streaming: true for a push producer, which is paused and resumed; false for a pull
    ///   producer, which is asked for a piece each time everything was sent. See ``Producer``.
    /// - Throws: ``ProducerAlreadyRegistered`` (P1).
    public func registerProducer(_ producer: any Producer, streaming: Bool) throws { abstract() }

    /// Ends the registration: the producer has written all it had.
    public func unregisterProducer() { abstract() }

    /// A transport that is, or was, the producer here has nothing more to write.
    package func producerEnded(_ producer: Transport) { abstract() }

    /// When a producer is paused and resumed, and when ``drained(isolation:)`` returns. ``Reactor/Options/waterMarks`` from
    /// the start.
    public var waterMarks: WaterMarks {
        get { abstract() }
        set { abstract() }
    }

    /// Whether it will deliver nothing more: it is over or closing, or its peer has finished.
    package var hasFinishedProducing: Bool { abstract() }

    /// Whether a filter was put in that has not begun: what was received before it is not to be delivered any more, also by
    /// protocols that take it apart.
    package var holdsDelivery: Bool { false }

    /// Whether more waits to be sent than the high mark of ``waterMarks``.
    package var isBackedUp: Bool { abstract() }

    /// Fires in a later pass, once no more than the low mark of ``waterMarks`` waits to be sent; fails with the
    /// reason when the connection is lost before that, or was over already (P3).
    public func whenDrained() -> Deferred<Void> { abstract() }

    /// Waits until no more than the low mark of ``waterMarks`` waits to be sent.
    ///
    /// ```swift
    /// reactor.spawn {
    ///     while let page = try await book.nextPage() {
    ///         transport.write(page)
    ///         try await transport.drained()
    ///     }
    /// }
    /// ```
    ///
    /// Returns, too, when the connection has ended in good order meanwhile: then all has been sent.
    ///
    /// - Throws: the reason for the connection's end, if it was lost before that, or was over when this was called.
    public final func drained(isolation: isolated (any Actor)? = #isolation) async throws {
        try await whenDrained().value(isolation: isolation)
    }

    // MARK: - Options

    /// The descriptor, for what this class has no method for; nil when there is none. Do not close it, and neither
    /// read nor write by it.
    public var fileDescriptor: CInt? { abstract() }

    /// Sends and receives by a bufferevent from now on, if this transport can.
    func goBuffered() throws(SystemError) -> BufferEvent? { nil }

    /// Lets go of the connection, for C code to have its bufferevent back. Returns the protocol as well, which may have kept bytes.
    func giveUpBufferEvent(handingBack rest: RawSpan) throws(CannotDetachBufferEventError) -> (BufferEvent, Protocol?) {
        throw CannotDetachBufferEventError(.notAdopted)
    }

    /// What limits the speed of the connection.
    var limits: RateLimits { RateLimits() }

    /// Sets an option of the socket. Does nothing after the end.
    ///
    /// - Throws: ``SystemError`` naming the option, if the kernel refuses or the socket has no such option.
    public func set(_ option: SocketOption) throws { abstract() }

    /// Whether small writes go out without waiting for earlier ones to be acknowledged. On from the start.
    public var noDelay: Bool {
        get { abstract() }
        set { abstract() }
    }

    /// Whether the kernel probes a peer that has been silent for long, and ends the connection if it is gone.
    public var keepAlive: Bool {
        get { abstract() }
        set { abstract() }
    }

    // MARK: - Protocol

    /// Hands the connection over to another protocol, which gets its own `connectionMade`.
    ///
    /// Later bytes go to the new one, beginning with those that the old one kept unused, such as the
    /// lines behind the one that asked for the switch. The old one hears nothing more of the
    /// connection, not even its loss.
    public final func switchProtocol(to newProtocol: Protocol) {
        switchProtocol(to: newProtocol, handingOver: RawSpan())
    }

    /// As ``switchProtocol(to:)``; `rest`, if not empty, is the first that the new protocol receives:
    /// what is left of the bytes that the old one was just given.
    public func switchProtocol(to newProtocol: Protocol, handingOver rest: RawSpan) { abstract() }

    /// A callback of the protocol threw: the connection closes, with that error as the reason (S4).
    package func callbackThrew(_ callback: StaticString, _ error: any Error) { abstract() }
}

@available(*, unavailable)
extension Transport: Sendable {}
