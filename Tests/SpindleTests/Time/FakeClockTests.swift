import Spindle
import SpindleTesting
import Testing

/// Rule T3 of the contract: what only a clock in the hand can do.
@Suite(.ownThreads) struct FakeClockTests {
    @Test("T3: the clock begins at zero and moves as far as it is told")
    func moves() {
        let clock = FakeClock()
        let reactor = clock.reactor
        #expect(reactor.seconds == 0)
        clock.advance(by: .milliseconds(1500))
        clock.advance(by: .zero)
        clock.advance(by: .seconds(-1))
        #expect(reactor.seconds == 1.5)
    }

    @Test(
        "T3: advancing stops at each deadline, so that a tick a second comes five times in five seconds (Twisted D10)")
    func stopsAtDeadlines() {
        let clock = FakeClock()
        let reactor = clock.reactor
        var ticks: [Double] = []
        func tick() {
            ticks.append(reactor.seconds)
            reactor.callLater(.seconds(1)) { tick() }
        }
        reactor.callLater(.seconds(1)) { tick() }
        clock.advance(by: .seconds(5))
        #expect(ticks == [1, 2, 3, 4, 5])
        #expect(reactor.delayedCalls.map(\.time) == [6])
    }

    @Test("T3: a call is made at its time, not before, and knows it")
    func exactly() throws {
        let clock = FakeClock()
        let reactor = clock.reactor
        var madeAt: [Double] = []
        let call = reactor.callLater(.seconds(2)) { madeAt.append(reactor.seconds) }
        #expect(call.time == 2 && call.isActive)
        clock.advance(by: .seconds(2) - .nanoseconds(1))
        #expect(madeAt == [])
        clock.advance(by: .nanoseconds(1))
        #expect(madeAt == [2] && !call.isActive)
    }

    @Test("T2: reset counts from now, delay from the old deadline")
    func resetAndDelay() throws {
        let clock = FakeClock()
        let reactor = clock.reactor
        let call = reactor.callLater(.seconds(2)) {}
        clock.advance(by: .seconds(1))
        try call.reset(.seconds(3))
        #expect(call.time == 4)
        try call.delay(.seconds(1))
        #expect(call.time == 5)
        try call.delay(.seconds(-2))
        #expect(call.time == 3)
        try call.reset(.zero)
        #expect(call.time == 1)
    }

    @Test("T3: what a call sets off without delay is made at the same time, one pass later")
    func chains() {
        let clock = FakeClock()
        let reactor = clock.reactor
        var made: [String] = []
        reactor.callLater(.seconds(1)) {
            reactor.callLater(.zero) { made.append("set off at \(reactor.seconds)") }
            reactor.inNextPass { made.append("queued") }
        }
        reactor.callLater(.seconds(1)) { made.append("second") }
        reactor.callLater(.seconds(2)) { made.append("later") }
        clock.advance(by: .seconds(2))
        #expect(made == ["second", "queued", "set off at 1.0", "later"])
    }

    @Test("T3: calls without delay that never end do not stop the time")
    func endless() {
        let clock = FakeClock()
        let reactor = clock.reactor
        var passes = 0
        func again() {
            passes += 1
            reactor.callLater(.zero) { again() }
        }
        var requeued = 0
        func requeue() {
            requeued += 1
            reactor.inNextPass { requeue() }
        }
        again()
        requeue()
        var ticked = 0
        reactor.callLater(.seconds(1)) { ticked += 1 }
        clock.advance(by: .seconds(2))
        #expect(ticked == 1 && passes > 1000 && requeued > 1000)
        #expect(reactor.seconds == 2)
    }

    @Test("T3: advancing inside a call means that it takes so long: what falls due meanwhile is made late")
    func slowCall() {
        let clock = FakeClock()
        let reactor = clock.reactor
        var made: [String] = []
        reactor.callLater(.seconds(1)) { [unowned clock] in
            clock.advance(by: .seconds(10))
            made.append("slow, over at \(reactor.seconds)")
        }
        reactor.callLater(.seconds(2)) { made.append("late, at \(reactor.seconds)") }
        reactor.callLater(.seconds(12)) { made.append("not due") }
        clock.advance(by: .seconds(3))
        #expect(made == ["slow, over at 11.0", "late, at 11.0"])
        #expect(reactor.seconds == 11)
    }

    @Test("T3, H4: tasks sleep by the clock")
    func tasks() {
        let clock = FakeClock()
        let reactor = clock.reactor
        var woken: [Double] = []
        reactor.spawn {
            for _ in 0..<3 {
                try await reactor.sleep(.seconds(1)).value()
                woken.append(reactor.seconds)
            }
        }
        clock.advance(by: .seconds(2))
        #expect(woken == [1, 2])
        clock.advance(by: .seconds(2))
        #expect(woken == [1, 2, 3])
    }

    @Test("T3: what waits when the clock goes is cancelled, tasks too, and nothing is left behind")
    func letsGo() {
        final class Held {}
        weak var held: Held?
        var ending: (any Error)?
        var call: DelayedCall?
        do {
            let clock = FakeClock()
            let reactor = clock.reactor
            let object = Held()
            held = object
            call = reactor.callLater(.seconds(1)) { withExtendedLifetime((object, reactor)) {} }
            reactor.spawn {
                do { try await reactor.sleep(.seconds(60)).value() } catch { ending = error }
            }
            clock.advance(by: .zero)
        }
        #expect(held == nil && call?.isActive == false && ending is CancelledError)
    }

    @Test("T1: a reactor that never ran lets go of its calls, even of those that hold themselves")
    func neverRan() throws {
        final class Held {}
        weak var held: Held?
        do {
            let reactor = try Reactor(options: .forTests)
            let object = Held()
            held = object
            var call: DelayedCall?
            call = reactor.callLater(.seconds(1)) { withExtendedLifetime((object, call)) {} }
            #expect(call?.isActive == true)
        }
        #expect(held == nil)
    }

    @Test("T3: connections of a reactor whose clock is held work on, and its calls are made when the clock is moved")
    func runningReactor() throws {
        let reactor = try Reactor(options: .forTests)
        let clock = FakeClock(reactor)
        var made: [String] = []
        reactor.callLater(.seconds(3600)) {
            made.append("an hour later")
            try reactor.stop()
        }
        var server: Recorder? = Recorder()
        server?.onData = { _, _ in
            made.append("data")
            clock.advance(by: .seconds(3600))
        }
        let port = try reactor.listenTCP(0, Factory { server.take() }, interface: "127.0.0.1")
        let client = Recorder()
        client.onMade = { me in me.transport.write("hello") }
        var next: Recorder? = client
        TCP4ClientEndpoint(reactor, "127.0.0.1", port.address.port!).connect(Factory { next.take() })
        try reactor.run()
        #expect(made == ["data", "an hour later"])
    }

    @Test("T3, R6: a clock that is let go by one of its own calls ends quietly, with what that has queued")
    func letGoInside() throws {
        var clock: FakeClock? = FakeClock()
        let reactor = try #require(clock?.reactor)
        var log: [String] = []
        reactor.callLater(.seconds(1)) {
            reactor.inNextPass { log.append("queued") }
            clock = nil
            log.append("gone")
        }
        reactor.callLater(.seconds(2)) { log.append("never") }
        reactor.advance(by: .seconds(3))
        #expect(log == ["gone", "queued"])
        #expect(reactor.delayedCalls.isEmpty)
    }
}
