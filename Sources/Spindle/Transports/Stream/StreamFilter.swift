/// What the bytes of a connection pass through between the carrier and the protocol: TLS, for example.
///
/// The transport and the protocol stay the same objects, and all rules of the contract hold with a filter as they do without
/// one: closing, pausing, producers, switching and draining are the transport's. A filter turns wire bytes into the
/// protocol's bytes and back, may speak with its other end before the protocol hears of the connection, says what is to be
/// the last on the wire, and judges the peer's end.
///
/// It is called on the reactor's thread, inside an entry. What it throws ends the connection, with that error as the reason;
/// what it has sent before that still leaves.
package protocol StreamFilter: AnyObject {
    /// The connection is there. Calls ``FilterStage/begin()`` when the protocol's bytes may pass, now or later.
    func start(_ stage: FilterStage) throws

    /// Wire bytes came in. The filter keeps those that are no whole unit yet, and those behind them while
    /// ``FilterStage/wantsInput`` is false.
    func receive(_ data: RawSpan, _ stage: FilterStage) throws

    /// The protocol's bytes are wanted again: what is kept is the first.
    func resume(_ stage: FilterStage) throws

    /// Sends the protocol's bytes, now or at ``flush(_:)``. Not called before ``FilterStage/begin()``.
    func send(_ data: RawSpan, _ stage: FilterStage) throws

    /// An entry ends in which something was sent.
    func flush(_ stage: FilterStage) throws

    /// Nothing more will be sent: says so on the wire, if that is its way. Called once, if it has begun.
    func finish(_ stage: FilterStage) throws

    /// Nothing more will come on the wire. Throws if the peer has not said so in the filter's own way.
    func wireEnded() throws

    /// Whether it keeps bytes that may be delivered before anything else comes in.
    var hasUndelivered: Bool { get }

    /// The connection is over, or has been given up. A callback may be on the stack.
    func connectionEnded(_ reason: any Error)
}

extension StreamFilter {
    package func connectionEnded(_ reason: any Error) {}
}
