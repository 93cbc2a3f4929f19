import Spindle
import SpindleTesting
import Testing

/// Whose time a test goes by: that of a reactor that runs, or that of a clock in the test's hand.
///
/// One millisecond of either is as good as one of the other; tests that run on both compare order, not duration.
enum Timekeeper: CaseIterable {
    case reactor, fakeClock

    /// Lets `time` pass on a new reactor after `prepare` has set things up there. A reactor that runs may be late, so it is given
    /// more time while it has calls to make in the next second.
    @available(*, noasync)
    func letPass(_ time: Duration, _ prepare: (Reactor) throws -> Void) throws {
        switch self {
        case .reactor:
            let reactor = try Reactor(options: .forTests)
            try prepare(reactor)
            let isOver = { !reactor.delayedCalls.contains { $0.time < reactor.seconds + 1 } }
            reactor.callLater(time) { [unowned reactor] in reactor.poll { isOver() } }
            try reactor.runWatched()
        case .fakeClock:
            let clock = FakeClock()
            try prepare(clock.reactor)
            clock.advance(by: time)
        }
    }
}
