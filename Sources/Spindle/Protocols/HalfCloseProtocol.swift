/// A ``Protocol`` that wants to know when only one direction of its connection has ended, and goes on with the
/// other (W6); Twisted's `IHalfCloseableProtocol`.
///
/// ```swift
/// final class Counter: Protocol, HalfCloseProtocol {
///     var count = 0
///     override func dataReceived(_ data: RawSpan) { count += data.byteCount }
///     func readConnectionLost() {
///         transport.write("\(count) bytes\r\n")
///         transport.loseConnection()
///     }
///     func writeConnectionLost() {}
/// }
/// ```
///
/// Connections of protocols without these are closed when their peer finishes, after what is
/// pending has been sent. When both directions have ended the connection is over: `connectionLost` follows with
/// ``ConnectionDone``. What these methods throw closes the connection with that error as the reason (S4).
public protocol HalfCloseProtocol: AnyObject {
    /// The peer has finished sending. Writing goes on, until ``Transport/loseConnection()`` is called.
    func readConnectionLost() throws

    /// What was written before ``Transport/loseWriteConnection()`` is with the kernel, and so is our end of the data.
    func writeConnectionLost() throws
}
