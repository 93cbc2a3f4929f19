import Spindle
import SpindleTesting
import Testing

/// Whose time a test goes by: that of a reactor that runs, or that of a clock in the test's hand.
///
/// One millisecond of either is as good as one of the other; tests that run on both compare order, not duration.
enum Timekeeper: CaseIterable {
    case reactor, fakeClock

    /// Lets `time` pass on a new reactor after `prepare` has set things up there.
    @available(*, noasync)
    func letPass(_ time: Duration, _ prepare: (Reactor) throws -> Void) throws {
        switch self {
        case .reactor:
            let reactor = try Reactor(options: .forTests)
            try prepare(reactor)
            reactor.callLater(time) { try reactor.stop() }
            try reactor.runWatched()
        case .fakeClock:
            let clock = FakeClock()
            try prepare(clock.reactor)
            clock.advance(by: time)
        }
    }
}
