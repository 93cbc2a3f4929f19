/// A call that the reactor will make later: what ``Reactor/callLater(_:_:)`` returns.
///
/// It can be called off or moved until it is made. Discarding it changes nothing.
public final class DelayedCall {
    private let queue: TimerQueue
    private var body: (() throws -> Void)?
    private(set) var deadline: MonotonicTime
    /// By what the queue finds it.
    var slot = 0
    private var wasCancelled = false

    init(_ queue: TimerQueue, _ deadline: MonotonicTime, _ body: @escaping () throws -> Void) {
        self.queue = queue
        self.deadline = deadline
        self.body = body
    }

    /// Whether the call is still going to be made. False while it is being made.
    public var isActive: Bool { body != nil }

    /// When the call is due, on the clock of ``Reactor/seconds``.
    public var time: Double { deadline.seconds }

    /// Calls it off, and releases what its closure holds.
    ///
    /// - Throws: ``AlreadyCalled`` or ``AlreadyCancelled`` (T2).
    public func cancel() throws {
        try requireActive()
        queue.cancelled(self)
        abandon()
    }

    /// Makes it due in `delay` from now instead.
    ///
    /// - Throws: ``AlreadyCalled`` or ``AlreadyCancelled`` (T2).
    public func reset(_ delay: Duration) throws {
        try requireActive()
        move(to: queue.now.advanced(by: delay))
    }

    /// Makes it due later by `delay` than it was, or sooner if that is negative.
    ///
    /// - Throws: ``AlreadyCalled`` or ``AlreadyCancelled`` (T2).
    public func delay(_ delay: Duration) throws {
        try requireActive()
        move(to: delay < .zero ? deadline.movedBack(by: .zero - delay) : deadline.advanced(by: delay))
    }

    private func move(to deadline: MonotonicTime) {
        self.deadline = deadline
        queue.moved(self)
    }

    private func requireActive() throws {
        queue.handle.requireCurrent()
        if wasCancelled { throw AlreadyCancelled() }
        if body == nil { throw AlreadyCalled() }
    }

    /// Gives up on a call that is out of the queue.
    func abandon() {
        wasCancelled = true
        // Taken out first: what it holds may look at this call as it goes.
        _ = body.take()
    }

    /// Makes the call.
    func fire() throws { try body.take()?() }
}

extension DelayedCall: CustomStringConvertible {
    /// When the call is due, or what became of it.
    public var description: String {
        if isActive { return "a call due in \(queue.now.distance(to: deadline))" }
        return wasCancelled ? "a cancelled call" : "a call that was made"
    }
}
