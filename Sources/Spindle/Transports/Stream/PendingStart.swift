/// A connection that is open and has no protocol yet: how the protocol will be had, what the connection waits for before
/// that, and who waits for it.
final class PendingStart {
    /// What has to be over first.
    enum Obstacle {
        /// There is nobody at the other end yet.
        case connecting
        /// A connection that was handed over is told of in the next pass.
        case nextPass
        /// The filter speaks with the one at the other end.
        case filter
    }

    let source: ProtocolSource
    var obstacle: Obstacle
    /// What the carrier wants done once the protocol has been told: it was told of the end meanwhile, for example.
    var afterwards: (() -> Void)?
    private let completion: StreamTransport.StartCompletion?
    private var waiters: [Deferred<Void>] = []

    init(_ source: ProtocolSource, behind obstacle: Obstacle, _ completion: StreamTransport.StartCompletion?) {
        self.source = source
        self.obstacle = obstacle
        self.completion = completion
    }

    func whenOver() -> Deferred<Void> {
        let waiter = Deferred<Void>()
        waiters.append(waiter)
        return waiter
    }

    /// Tells those who wait. False if nobody did.
    @discardableResult
    func end(_ result: Result<Protocol, any Error>) -> Bool {
        let waiters = waiters
        self.waiters = []
        completion?(result)
        for waiter in waiters { try? waiter.fire(result.map { _ in }) }
        return completion != nil || !waiters.isEmpty
    }
}
