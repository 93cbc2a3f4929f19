import Spindle
import SpindleTesting
import Testing

/// Rule T4 of the contract.
@Suite(.ownThreads) struct LoopingCallTests {
    private struct Mishap: Error {}

    /// A loop under a clock, and when its body was called.
    private final class Bench {
        let clock = FakeClock()
        let reactor: Reactor
        var times: [Double] = []
        var counts: [Int] = []
        /// What the body does besides.
        var body: () throws -> Void = {}
        /// What the counting body returns, the first of these at the first call.
        var results: [Deferred<Void>] = []

        private(set) lazy var loop = LoopingCall(reactor) { [unowned self] in
            times.append(reactor.seconds)
            try body()
        }
        private(set) lazy var counting = LoopingCall.withCount(reactor) { [unowned self] count in
            times.append(reactor.seconds)
            counts.append(count)
            return results.isEmpty ? Deferred(.success(())) : results.removeFirst()
        }

        init() { reactor = clock.reactor }

        func advance(_ seconds: Double) { clock.advance(by: .seconds(seconds)) }
    }

    // MARK: - Starting and stopping

    @Test("T4: the first call is made at the start, the next ones after one interval each, until it is stopped")
    func basics() throws {
        let bench = Bench()
        let loop = bench.loop
        #expect(!loop.isRunning)
        let done = try loop.start(.milliseconds(100))
        #expect(loop.isRunning && loop.interval == .milliseconds(100))
        #expect(bench.times == [0])
        bench.advance(0.25)
        #expect(bench.times == [0, 0.1, 0.2])
        #expect(!done.hasFired)
        try loop.stop()
        #expect(done.hasFired && !loop.isRunning)
        #expect(bench.reactor.delayedCalls.isEmpty)
        bench.advance(10)
        #expect(bench.times.count == 3)
    }

    @Test("T4: with now: false the first call comes after one interval")
    func notNow() throws {
        let bench = Bench()
        try bench.loop.start(.milliseconds(100), now: false)
        #expect(bench.times == [])
        bench.advance(0.25)
        #expect(bench.times == [0.1, 0.2])
        try bench.loop.stop()
    }

    @Test("T4: stopped before its first call it makes none", arguments: [Duration.zero, .seconds(10)])
    func stoppedAtOnce(_ interval: Duration) throws {
        let bench = Bench()
        let done = try bench.loop.start(interval, now: false)
        try bench.loop.stop()
        #expect(done.hasFired)
        bench.advance(100)
        #expect(bench.times == [] && bench.reactor.delayedCalls.isEmpty)
    }

    @Test("T4: stopping it in its own call is as good as any other time")
    func stopsItself() throws {
        let bench = Bench()
        bench.body = { [unowned bench] in if bench.times.count == 3 { try bench.loop.stop() } }
        let done = try bench.loop.start(.seconds(1))
        bench.advance(10)
        #expect(bench.times == [0, 1, 2] && done.hasFired)
    }

    @Test("T4: it can be started again, from inside its own call too")
    func again() throws {
        let bench = Bench()
        let first = try bench.loop.start(.seconds(1))
        try bench.loop.stop()
        bench.advance(0.5)
        bench.body = { [unowned bench] in
            bench.body = {}
            try bench.loop.stop()
            try bench.loop.start(.seconds(2), now: false)
        }
        let second = try bench.loop.start(.seconds(1), now: false)
        bench.advance(5)
        #expect(first.hasFired && second.hasFired && bench.loop.isRunning)
        #expect(bench.times == [0, 1.5, 3.5, 5.5])
        try bench.loop.stop()
    }

    @Test("T4, R6: starting it twice, and stopping or resetting it when it does not run, are errors")
    func misuse() throws {
        let bench = Bench()
        #expect(throws: LoopingCallError.notRunning) { try bench.loop.stop() }
        #expect(throws: LoopingCallError.notRunning) { try bench.loop.reset() }
        #expect(throws: LoopingCallError.negativeInterval(.seconds(-1))) { try bench.loop.start(.seconds(-1)) }
        #expect(!bench.loop.isRunning && bench.times == [])
        try bench.loop.start(.seconds(1))
        #expect(throws: LoopingCallError.alreadyRunning) { try bench.loop.start(.seconds(1)) }
        try bench.loop.stop()
        #expect(throws: LoopingCallError.notRunning) { try bench.loop.stop() }
        let orphan = LoopingCall(FakeClock().reactor) {}
        #expect(throws: ReactorNotRunning.self) { try orphan.start(.seconds(1)) }
    }

    @Test("T4: resetting counts the interval from now on")
    func reset() throws {
        let bench = Bench()
        try bench.counting.start(.seconds(2), now: false)
        bench.advance(1)
        try bench.counting.reset()
        bench.advance(5.5)
        #expect(bench.times == [3, 5] && bench.counts == [1, 1])
        try bench.counting.stop()
    }

    @Test("T4: a loop that was reset in its call makes the next one a whole interval after that")
    func resetInside() throws {
        let bench = Bench()
        bench.body = { [unowned bench] in
            guard bench.times.count == 2 else { return }
            bench.advance(0.25)
            try bench.loop.reset()
        }
        try bench.loop.start(.seconds(1))
        bench.advance(3.5)
        #expect(bench.times == [0, 1, 2.25, 3.25])
        try bench.loop.stop()
    }

    // MARK: - Errors

    @Test(
        "T4: what the body throws ends the loop and fails its Deferred, also if it was stopped before",
        arguments: [false, true])
    func throwing(_ stopsBefore: Bool) throws {
        let bench = Bench()
        var failure: (any Error)?
        bench.body = { [unowned bench] in
            guard bench.times.count == 2 else { return }
            if stopsBefore { try bench.loop.stop() }
            throw Mishap()
        }
        try bench.loop.start(.seconds(1)).addErrback { failure = $0 }
        bench.advance(1)
        #expect(failure is Mishap && !bench.loop.isRunning)
        #expect(bench.reactor.delayedCalls.isEmpty)
    }

    @Test("T4: the body may throw at once")
    func throwingAtOnce() throws {
        let bench = Bench()
        bench.body = { throw Mishap() }
        var failure: (any Error)?
        try bench.loop.start(.seconds(1)).addErrback { failure = $0 }
        #expect(failure is Mishap && !bench.loop.isRunning)
    }

    @Test("T4: a failure of the Deferred that the body returned ends the loop and fails its Deferred")
    func failing() throws {
        let bench = Bench()
        let result = Deferred<Void>()
        bench.results = [result]
        var failure: (any Error)?
        try bench.counting.start(.seconds(1)).addErrback { failure = $0 }
        bench.advance(5)
        #expect(bench.times == [0] && failure == nil)
        try result.errback(Mishap())
        #expect(failure is Mishap && !bench.counting.isRunning && bench.reactor.delayedCalls.isEmpty)
    }

    // MARK: - Deferreds

    @Test("T4: no call is made while the Deferred of the one before has not fired; what was skipped is counted")
    func waits() throws {
        let bench = Bench()
        let result = Deferred<Void>()
        bench.results = [result]
        try bench.counting.start(.milliseconds(200), now: false)
        bench.advance(0.2)
        bench.advance(0.5)
        #expect(bench.counts == [1] && bench.reactor.delayedCalls.isEmpty)
        try result.callback(())
        bench.advance(0.2)
        #expect(bench.times == [0.2, 0.8] && bench.counts == [1, 3])
        try bench.counting.stop()
    }

    @Test("T4: a loop that is stopped while it waits is over when what it waits for is there")
    func stoppedWhileWaiting() throws {
        let bench = Bench()
        let result = Deferred<Void>()
        bench.results = [result]
        let done = try bench.counting.start(.seconds(1))
        try bench.counting.stop()
        #expect(!bench.counting.isRunning && !done.hasFired)
        // Another run may begin meanwhile, and is not disturbed by the old one's end.
        try bench.counting.start(.seconds(1), now: false)
        try result.callback(())
        #expect(done.hasFired && bench.counting.isRunning)
        bench.advance(2)
        #expect(bench.times == [0, 1, 2])
        try bench.counting.stop()
    }

    @Test("T4: cancelling its Deferred stops the loop, and what it waits for")
    func cancelled() throws {
        let bench = Bench()
        var wasCancelled = false
        let result = Deferred<Void> { _ in wasCancelled = true }
        bench.results = [result]
        var failures: [any Error] = []
        let waiting = try bench.counting.start(.seconds(1))
        waiting.addErrback { failures.append($0) }
        waiting.cancel()
        #expect(wasCancelled && !bench.counting.isRunning)
        let sleeping = try bench.counting.start(.seconds(1))
        sleeping.addErrback { failures.append($0) }
        sleeping.cancel()
        #expect(failures.allSatisfy { $0 is CancelledError } && failures.count == 2)
        #expect(bench.reactor.delayedCalls.isEmpty)
    }

    @Test("T4: a closure of one expression that makes a Deferred is waited for")
    func singleExpression() throws {
        let clock = FakeClock()
        let reactor = clock.reactor
        var begun = 0
        let loop = LoopingCall(reactor) { reactor.sleep(.seconds(10)).addCallback { begun += 1 } }
        try loop.start(.seconds(1))
        clock.advance(by: .seconds(25))
        #expect(begun == 2)
        let counting = LoopingCall.withCount(reactor) { count in
            reactor.sleep(.seconds(10)).addCallback { begun += count }
        }
        try counting.start(.seconds(1))
        clock.advance(by: .seconds(21))
        #expect(begun == 2 + 2 + 1 + 11)
    }

    // MARK: - Time

    @Test("T4: calls keep to multiples of the interval, whatever a call takes; what falls due meanwhile is skipped")
    func slowBody() throws {
        let bench = Bench()
        var durations = [2.0, 1.0]
        bench.body = { [unowned bench] in if !durations.isEmpty { bench.advance(durations.removeFirst()) } }
        try bench.loop.start(.milliseconds(500))
        #expect(bench.times == [0] && bench.reactor.seconds == 2)
        bench.advance(0)
        #expect(bench.times == [0])
        bench.advance(0.5)
        #expect(bench.times == [0, 2.5] && bench.reactor.seconds == 3.5)
        bench.advance(0.5)
        #expect(bench.times == [0, 2.5, 4])
        try bench.loop.stop()
    }

    /// Others keep the reactor busy, up to these times.
    @Test("T4: a late call is told how many fell due, and the next one is on time again")
    func lateness() throws {
        let bench = Bench()
        try bench.counting.start(.milliseconds(500))
        for (from, to) in [(0.25, 0.51), (0.75, 2.02), (2.25, 2.76), (2.76, 2.9)] {
            bench.reactor.callLater(.seconds(from)) { [unowned bench] in bench.advance(to - from) }
        }
        bench.advance(3.1)
        #expect(bench.times.map { ($0 * 1000).rounded() / 1000 } == [0, 0.51, 2.02, 2.76, 3])
        #expect(bench.counts == [1, 1, 3, 1, 1])
        try bench.counting.stop()
    }

    @Test("T4: intervals that are no round number neither drift nor lose a call")
    func noDrift() throws {
        let bench = Bench()
        let interval = Duration.seconds(1) / 7
        try bench.counting.start(interval, now: false)
        for _ in 0..<700 { bench.clock.advance(by: interval) }
        #expect(bench.counts.allSatisfy { $0 == 1 } && bench.counts.count == 700)
        try bench.counting.stop()
    }

    @Test(
        "T4: the shortest and the longest interval work",
        arguments: [Duration(secondsComponent: 0, attosecondsComponent: 1), .seconds(Int64.max)])
    func extremes(_ interval: Duration) throws {
        let bench = Bench()
        try bench.counting.start(interval)
        bench.clock.advance(by: .nanoseconds(3))
        #expect(bench.counts.count == (interval < .seconds(1) ? 4 : 1))
        try bench.counting.stop()
    }

    @Test("T4: an interval of zero means each pass; the count stays one, whatever time passes")
    func zeroInterval() throws {
        let bench = Bench()
        let result = Deferred<Void>()
        bench.results = [Deferred(.success(())), result]
        let done = try bench.counting.start(.zero, now: false)
        done.addCallback {}
        bench.advance(1)
        #expect(bench.counts == [1, 1])
        bench.advance(5)
        try result.callback(())
        bench.reactor.callLater(.zero) { [unowned bench] in try bench.counting.stop() }
        bench.advance(1)
        #expect(bench.counts == [1, 1, 1] && done.hasFired)
    }

    // MARK: - On a reactor that runs

    @Test("T4, R3: an interval of zero does not keep I/O from its turn")
    func sharesWithIO() throws {
        let reactor = try Reactor(options: .forTests)
        var calls = 0
        let loop = LoopingCall(reactor) { calls += 1 }
        try loop.start(.zero)
        try reactor.runEcho {
            #expect(calls > 0)
            try loop.stop()
        }
    }

    @Test("T4: on a reactor that runs calls are never early")
    func neverEarly() throws {
        let reactor = try Reactor(options: .forTests)
        let start = reactor.seconds
        var total = 0
        let loop = LoopingCall.withCount(reactor) { count in
            total += count
            #expect(reactor.seconds >= start + Double(total) * 0.002)
            if total >= 10, !reactor.isStopping { try reactor.stop() }
        }
        try loop.start(.milliseconds(2), now: false)
        try reactor.runWatched()
    }

    @Test("T4: a loop is over when its reactor has stopped, and can be started for the next run")
    func overWithItsReactor() throws {
        let reactor = try Reactor(options: .forTests)
        var calls = 0
        let loop = LoopingCall(reactor) {
            calls += 1
            if !reactor.isStopping { try reactor.stop() }
        }
        for run in 1...2 {
            try loop.start(.milliseconds(1), now: false)
            try reactor.runWatched()
            #expect(!loop.isRunning && reactor.delayedCalls.isEmpty && calls >= run)
            #expect(throws: LoopingCallError.notRunning) { try loop.stop() }
        }
    }

    @Test("T4: a loop that is never stopped goes with its reactor")
    func noLeak() throws {
        final class Held {}
        weak var held: Held?
        do {
            let reactor = try Reactor(options: .forTests)
            let object = Held()
            held = object
            try LoopingCall(reactor) { withExtendedLifetime(object) {} }.start(.seconds(1))
        }
        #expect(held == nil)
    }

    @Test("T4: a loop that waits for what never comes leaves nothing behind")
    func noLeakWaiting() throws {
        final class Held {}
        weak var held: Held?
        do {
            let clock = FakeClock()
            let object = Held()
            held = object
            try LoopingCall(clock.reactor) { () -> Deferred<Void> in withExtendedLifetime(object) { Deferred() } }
                .start(.seconds(1))
            clock.advance(by: .seconds(5))
        }
        #expect(held == nil)
    }

    @Test("T4: a loop that its body has started anew is cancelled with what it waits for then, not before")
    func cancelledAfterRestart() throws {
        let clock = FakeClock()
        let waits = [Deferred<Void>(), Deferred<Void>()]
        var calls = 0
        var again: Deferred<Void>?
        var restart = {}
        let loop = LoopingCall(clock.reactor) { () -> Deferred<Void> in
            calls += 1
            let wait = waits[calls - 1]
            if calls == 1 { restart() }
            return wait
        }
        restart = { [weak loop] in
            try? loop?.stop()
            again = try? loop?.start(.seconds(1))
        }
        try loop.start(.seconds(1)).addErrback { _ in }
        again?.cancel()
        #expect(waits.map(\.hasFired) == [false, true])
        try waits[0].callback(())
    }

    @Test("R6: what waited for a run that ended with its reactor may look at the loop as it goes")
    func looksBack() throws {
        let reactor = try Reactor(options: .forTests)
        let loop = LoopingCall(reactor) {}
        var seen: Bool?
        do {
            let held = LastWords { [weak loop] in seen = loop?.isRunning }
            try loop.start(.seconds(1)).addBoth { _ in withExtendedLifetime(held) {} }
        }
        reactor.callWhenRunning { try reactor.stop() }
        try reactor.run()
        #expect(seen == nil)
        try loop.start(.seconds(1), now: false)
        #expect(seen == false)
        try loop.stop()
    }
}
