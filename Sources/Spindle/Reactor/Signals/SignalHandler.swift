/// What is done when a signal comes: what ``Reactor/addSignalHandler(_:_:)`` returns.
///
/// Discarding it changes nothing; see ``Reactor/removeSignalHandler(_:)``.
public final class SignalHandler {
    /// The signal that it is for.
    public let signal: Int32
    let body: () throws -> Void

    init(_ signal: Int32, _ body: @escaping () throws -> Void) {
        self.signal = signal
        self.body = body
    }
}
