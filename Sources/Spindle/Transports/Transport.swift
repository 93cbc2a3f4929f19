/// One end of a connection, as a protocol sees it: where it writes, and how it closes.
///
/// Every kind of transport keeps the same contract; the rules are in the guide <doc:Contract>. This
/// class itself is the transport of what is not connected: all it is asked to do is done by doing
/// nothing. Use a transport on its reactor's thread only.
open class Transport: CustomStringConvertible {
    /// The reactor that the connection lives on.
    public final let reactor: Reactor

    /// Told once, after the protocol, that the connection is over.
    package final var observer: (any ConnectionObserver)?

    /// The transport that this one is registered with as a producer.
    package final weak var consumer: Transport?

    public init(reactor: Reactor) { self.reactor = reactor }

    /// What it connects, and how that stands, in words for people.
    open var description: String { "no connection" }

    /// The address of this end.
    open var host: SocketAddress { .unspecified }

    /// The address of the other end.
    open var peer: SocketAddress { .unspecified }

    /// Who is at the other end of a UNIX socket; nil of other connections, and of those that are over.
    open var peerCredentials: PeerCredentials? { nil }

    /// Whether the connection is open, the time it takes to close included.
    open var isConnected: Bool { false }

    /// Whether the connection is closing or closed on our account: nothing will be delivered any more.
    open var isDisconnecting: Bool { true }

    /// Whether reading is paused; see ``pauseProducing()``.
    open var isPaused: Bool { false }

    /// Fires once `connectionMade` has returned, and at once if it has; fails with what kept it from being called, or with
    /// what it threw.
    ///
    /// Of interest with ``Reactor/adopt(bufferEvent:protocol:)``, which hands out transports of connections that are still
    /// being made. What is written meanwhile waits; ``loseConnection()`` gives up.
    open func whenConnected() -> Deferred<Void> { Deferred(.failure(ConnectionLost())) }

    // MARK: - Writing

    /// Sends bytes, after all that was written before.
    ///
    /// Never blocks and takes any amount (W1). What is written in one callback leaves together when
    /// the callback returns (W2); large writes leave at once. What the kernel will not take waits
    /// in memory: pace yourself with ``registerProducer(_:streaming:)`` if the peer may be slow.
    /// Does nothing when not connected, or after ``loseConnection()`` (W3).
    open func write(_ data: RawSpan) {}

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
    open func sendFileDescriptor(_ descriptor: CInt, with data: RawSpan) throws {
        throw CannotSendDescriptorError(.notUNIX)
    }

    // MARK: - Closing

    /// Closes the connection once everything written so far has been sent (W3).
    ///
    /// Returns at once; the protocol's `connectionLost` follows, with ``ConnectionDone``. Until then
    /// nothing is delivered, and later writes are dropped. A registered producer is waited for. A
    /// peer that reads nothing for ``Reactor/Options/closeLimit`` is cut off, and so is one that has finished while the
    /// producer writes nothing for as long (W4).
    open func loseConnection() {}

    /// As ``loseConnection()``, but aborts if that is not done when `timeout` is over (W4).
    open func loseConnection(timeout: Duration) {}

    /// Finishes sending: the peer sees the end of our data once it has read it all. Reading goes on (W6).
    open func loseWriteConnection() {}

    /// Drops what is unsent and resets the connection; `connectionLost` with ``ConnectionAborted``
    /// comes in the next pass (W5).
    open func abortConnection() {}

    // MARK: - Flow

    /// Stops reading, at once (P4). The kernel's buffers fill up, and then the peer has to wait.
    open func pauseProducing() {}

    /// Starts reading again (P4).
    open func resumeProducing() {}

    /// Has `producer` paused while more waits to be sent than is good, and resumed afterwards (P2).
    ///
    /// When not connected any more, tells the producer to stop, at once.
    ///
    /// - Parameter streaming: true for a push producer, which is paused and resumed; false for a pull
    ///   producer, which is asked for a piece each time everything was sent. See ``Producer``.
    /// - Throws: ``ProducerAlreadyRegistered`` (P1).
    open func registerProducer(_ producer: any Producer, streaming: Bool) throws { producer.stopProducing() }

    /// Ends the registration: the producer has written all it had.
    open func unregisterProducer() {}

    /// A transport that is, or was, the producer here has nothing more to write.
    package func producerEnded(_ producer: Transport) {}

    /// When a producer is paused and resumed, and when ``drained(isolation:)`` returns. ``Reactor/Options/waterMarks`` from
    /// the start.
    open var waterMarks: WaterMarks {
        get { reactor.options.waterMarks }
        set {}
    }

    /// Whether more waits to be sent than the high mark of ``waterMarks``.
    package var isBackedUp: Bool { false }

    /// Fires in a later pass, once no more than the low mark of ``waterMarks`` waits to be sent; fails with the
    /// reason when the connection is lost before that, or was over already (P3).
    open func whenDrained() -> Deferred<Void> { Deferred(.failure(ConnectionLost())) }

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
    open var fileDescriptor: CInt? { nil }

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
    open func set(_ option: SocketOption) throws {}

    /// Whether small writes go out without waiting for earlier ones to be acknowledged. On from the start.
    open var noDelay: Bool {
        get { false }
        set {}
    }

    /// Whether the kernel probes a peer that has been silent for long, and ends the connection if it is gone.
    open var keepAlive: Bool {
        get { false }
        set {}
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
    open func switchProtocol(to newProtocol: Protocol, handingOver rest: RawSpan) {}

    /// A callback of the protocol threw: the connection closes, with that error as the reason (S4).
    package func callbackThrew(_ callback: StaticString, _ error: any Error) { loseConnection() }
}

/// A transport can be the producer of another one: a proxy registers each of its two with the other.
extension Transport: Producer {
    /// Closes, as ``loseConnection()`` does.
    public func stopProducing() { loseConnection() }

    /// Called when it is lost or its peer has finished: it produces nothing more, and a consumer that waits for it to
    /// finish before closing (W4) need not.
    package final func leaveConsumer() { consumer.take()?.producerEnded(self) }
}

extension Transport {
    /// Sends bytes; see ``write(_:)-2ryzc``.
    public func write(_ bytes: [UInt8]) { bytes.withRawSpan { write($0) } }

    /// Sends text as UTF-8; see ``write(_:)-2ryzc``.
    public func write(_ text: String) { text.withRawSpan { write($0) } }

    /// Sends an open descriptor with bytes; see ``sendFileDescriptor(_:with:)-(_,RawSpan)``.
    public func sendFileDescriptor(_ descriptor: CInt, with bytes: [UInt8]) throws {
        try bytes.withRawSpan { try sendFileDescriptor(descriptor, with: $0) }
    }

    /// Sends an open descriptor with text; see ``sendFileDescriptor(_:with:)-(_,RawSpan)``.
    public func sendFileDescriptor(_ descriptor: CInt, with text: String) throws {
        try text.withRawSpan { try sendFileDescriptor(descriptor, with: $0) }
    }

    /// Sends pieces one after the other, in as few sends as one write of all of them would take (W2).
    public func writeSequence(_ pieces: some Sequence<[UInt8]>) {
        for piece in pieces { write(piece) }
    }
}

@available(*, unavailable)
extension Transport: Sendable {}
