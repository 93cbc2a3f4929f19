import Spindle
import SpindleTesting
import Testing

/// `deferLater`: a delayed call with a result.
@Suite(.ownThreads) struct DeferLaterTests {
    private struct Mishap: Error {}

    @Test("T1: the Deferred fires after the delay with what the closure returns")
    func value() {
        let clock = FakeClock()
        let deferred = clock.reactor.deferLater(.seconds(3)) { 42 }
        clock.advance(by: .seconds(2))
        #expect(!deferred.hasFired)
        clock.advance(by: .seconds(1))
        var value: Int?
        deferred.addCallback { value = $0 }
        #expect(value == 42)
    }

    @Test("T1: what the closure throws fails the Deferred")
    func error() {
        let clock = FakeClock()
        var failure: (any Error)?
        clock.reactor.deferLater(.seconds(1)) { () -> Int in throw Mishap() }.addErrback { error -> Void in
            failure = error
        }
        clock.advance(by: .seconds(1))
        #expect(failure is Mishap)
    }

    @Test("T1: a Deferred that the closure returns is waited for")
    func deferred() {
        let clock = FakeClock()
        let reactor = clock.reactor
        let deferred = reactor.deferLater(.seconds(1)) { reactor.deferLater(.seconds(1)) { "done" } }
        clock.advance(by: .seconds(1))
        #expect(!deferred.hasFired)
        clock.advance(by: .seconds(1))
        var value: String?
        deferred.addCallback { value = $0 }
        #expect(value == "done")
    }

    @Test("D2: cancelling it before its time calls it off")
    func cancel() {
        let clock = FakeClock()
        var made = false
        var failure: (any Error)?
        let deferred = clock.reactor.deferLater(.seconds(1)) { made = true }
        deferred.addErrback { failure = $0 }
        deferred.cancel()
        #expect(clock.reactor.delayedCalls.isEmpty && failure is CancelledError)
        clock.advance(by: .seconds(1))
        #expect(!made)
    }
}
