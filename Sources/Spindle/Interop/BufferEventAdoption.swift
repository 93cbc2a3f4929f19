/// What an adopted connection waits with until its protocol is told of it.
final class BufferEventAdoption {
    let newProtocol: Protocol
    /// There is nobody at the other end yet.
    var isConnecting: Bool
    /// What the bufferevent has said of its end meanwhile.
    var failure: BufferEvent.Failure?
    private var waiters: [Deferred<Void>] = []

    init(_ newProtocol: Protocol, isConnecting: Bool) {
        self.newProtocol = newProtocol
        self.isConnecting = isConnecting
    }

    func whenOver() -> Deferred<Void> {
        let waiter = Deferred<Void>()
        waiters.append(waiter)
        return waiter
    }

    /// Tells those who wait. False if nobody did.
    @discardableResult
    func end(_ result: Result<Void, any Error>) -> Bool {
        let waiters = waiters
        self.waiters = []
        for waiter in waiters { try? waiter.fire(result) }
        return !waiters.isEmpty
    }
}
