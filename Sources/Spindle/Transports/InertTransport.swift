/// The transport of what is not connected: all it is asked to do is done by doing nothing.
///
/// Tests subclass it for a transport of which they need one or two methods.
@_spi(Carriers)
open class InertTransport: Transport {
    public override init(reactor: Reactor) { super.init(reactor: reactor) }

    open override var description: String { "no connection" }
    open override var host: SocketAddress { .unspecified }
    open override var peer: SocketAddress { .unspecified }
    open override var peerCredentials: PeerCredentials? { nil }
    open override var isConnected: Bool { false }
    open override var isDisconnecting: Bool { true }
    open override var isPaused: Bool { false }
    open override func whenConnected() -> Deferred<Void> { Deferred(.failure(ConnectionLost())) }

    open override func write(_ data: RawSpan) {}
    open override func sendFileDescriptor(_ descriptor: CInt, with data: RawSpan) throws {
        throw CannotSendDescriptorError(.notUNIX)
    }

    open override func loseConnection() {}
    open override func loseConnection(timeout: Duration) {}
    open override func loseWriteConnection() {}
    open override func abortConnection() {}

    open override func pauseProducing() {}
    open override func resumeProducing() {}
    open override func registerProducer(_ producer: any Producer, streaming: Bool) throws { producer.stopProducing() }
    open override func unregisterProducer() {}
    package override func producerEnded(_ producer: Transport) {}
    open override var waterMarks: WaterMarks {
        get { reactor.options.waterMarks }
        set {}
    }
    package override var hasFinishedProducing: Bool { true }
    package override var isBackedUp: Bool { false }
    open override func whenDrained() -> Deferred<Void> { Deferred(.failure(ConnectionLost())) }

    open override var fileDescriptor: CInt? { nil }
    open override func set(_ option: SocketOption) throws {}
    open override var noDelay: Bool {
        get { false }
        set {}
    }
    open override var keepAlive: Bool {
        get { false }
        set {}
    }

    open override func switchProtocol(to newProtocol: Protocol, handingOver rest: RawSpan) {}
    package override func callbackThrew(_ callback: StaticString, _ error: any Error) { loseConnection() }
}
