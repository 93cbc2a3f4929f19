internal import Spindle

/// A delayed call that C has a handle of.
final class NamedTimer: Handled {
    static let kind = "timer"
    let owner: ReactorHandle
    var handle: Handle?
    private var call: DelayedCall?

    init(_ reactor: Reactor, _ delay: Duration, _ body: @escaping () -> Void) {
        owner = reactor.handle
        issue()
        let end = End(self)
        call = reactor.callLater(delay) {
            end.timer?.retire()
            body()
        }
    }

    func cancel() throws { try call?.cancel() }

    /// Goes when the call does, whether that was made, cancelled or given up by the reactor; and then so does the handle.
    private final class End {
        weak var timer: NamedTimer?
        init(_ timer: NamedTimer) { self.timer = timer }
        deinit { timer?.retire() }
    }
}
