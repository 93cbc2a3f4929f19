/// A call that the reactor will make later: what ``Reactor/callLater(_:_:)`` returns.
///
/// It can be called off or moved until it is made. Discarding it changes nothing.
public final class DelayedCall {
    /// Weak: a call that is never made must not keep the reactor that would make it.
    private weak var reactor: Reactor?
    private var body: (() throws -> Void)?
    private var wasCancelled = false

    private(set) var deadline: MonotonicTime
    /// Where this call stands among those with the same deadline, and which of its entries in the
    /// queue is the current one: moving it to an earlier time leaves the old entry behind.
    var sequence: UInt64

    init(_ reactor: Reactor, _ deadline: MonotonicTime, _ sequence: UInt64, _ body: @escaping () throws -> Void) {
        self.reactor = reactor
        self.deadline = deadline
        self.sequence = sequence
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
        abandon()
        reactor?.timers.cancelled(self)
    }

    /// Makes it due in `delay` from now instead.
    ///
    /// - Throws: ``AlreadyCalled`` or ``AlreadyCancelled`` (T2).
    public func reset(_ delay: Duration) throws {
        try requireActive()
        move(to: (reactor?.now ?? .now).advanced(by: delay))
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
        reactor?.timers.reschedule(self)
    }

    private func requireActive() throws {
        reactor?.requireThread()
        if wasCancelled { throw AlreadyCancelled() }
        if body == nil { throw AlreadyCalled() }
    }

    /// Gives up on the call, on the part of the queue that held it.
    func abandon() {
        guard body != nil else { return }
        wasCancelled = true
        body = nil
    }

    /// Makes the call.
    func fire() throws { try body.take()?() }
}
