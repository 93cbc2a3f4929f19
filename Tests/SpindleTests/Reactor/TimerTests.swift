import Spindle
import TestSupport
import Testing

/// Rules T1 and T2 of the contract.
@Suite(.ownThreads) struct TimerTests {
    @Test("T1: calls are made in the order of their deadlines, never early")
    func order() throws {
        let reactor = try Reactor(options: .forTests)
        var made: [Int] = []
        for delay in [30, 5, 20, 1, 10] {
            let due = reactor.seconds + Double(delay) / 1000
            reactor.callLater(.milliseconds(delay)) {
                #expect(reactor.seconds >= due)
                made.append(delay)
                if delay == 30 { try reactor.stop() }
            }
        }
        try reactor.run()
        #expect(made == [1, 5, 10, 20, 30])
    }

    @Test("T1: equal deadlines run in the order of the calls")
    func equalDeadlines() throws {
        let reactor = try Reactor(options: .forTests)
        var made: [Int] = []
        // All at the end of the clock, and then moved to one and the same instant near now.
        let calls = (0..<100).map { number in reactor.callLater(.seconds(Int64.max)) { made.append(number) } }
        let distance = reactor.seconds - calls[0].time
        for call in calls { try call.delay(.seconds(distance)) }
        reactor.callLater(.milliseconds(20)) { try reactor.stop() }
        try reactor.run()
        #expect(made.count == 100)
        #expect(made == made.sorted())
    }

    @Test("T1: no delay and a negative one mean a later pass, not this one")
    func zeroDelay() throws {
        let reactor = try Reactor(options: .forTests)
        var depth = 0
        var made = 0
        reactor.callWhenRunning {
            for delay in [Duration.zero, .seconds(-5)] {
                depth += 1
                reactor.callLater(delay) {
                    #expect(depth == 0)
                    made += 1
                    if made == 2 { try reactor.stop() }
                }
                depth -= 1
            }
        }
        try reactor.run()
        #expect(made == 2)
    }

    @Test("T2: a call can be cancelled, moved forward and moved back")
    func changes() throws {
        let reactor = try Reactor(options: .forTests)
        var made: [String] = []
        let cancelled = reactor.callLater(.milliseconds(1)) { made.append("cancelled") }
        let sooner = reactor.callLater(.seconds(60)) { made.append("sooner") }
        let later = reactor.callLater(.milliseconds(1)) {
            made.append("later")
            try reactor.stop()
        }
        try cancelled.cancel()
        try sooner.reset(.milliseconds(5))
        try later.delay(.milliseconds(20))
        #expect(!cancelled.isActive && sooner.isActive && later.isActive)
        try reactor.run()
        #expect(made == ["sooner", "later"])
    }

    @Test("T2: changing a call that was made or cancelled is an error")
    func tooLate() throws {
        let reactor = try Reactor(options: .forTests)
        var call: DelayedCall?
        call = reactor.callLater(.zero) {
            #expect(call?.isActive == false)
            try reactor.stop()
        }
        try reactor.run()
        #expect(throws: AlreadyCalled.self) { try call?.cancel() }
        #expect(throws: AlreadyCalled.self) { try call?.reset(.zero) }
        let cancelled = reactor.callLater(.zero) {}
        try cancelled.cancel()
        #expect(throws: AlreadyCancelled.self) { try cancelled.cancel() }
        #expect(throws: AlreadyCancelled.self) { try cancelled.delay(.zero) }
    }

    @Test("T2: cancelling releases what the closure holds, at once")
    func releases() throws {
        let reactor = try Reactor(options: .forTests)
        final class Held {}
        weak var held: Held?
        let call = {
            let object = Held()
            held = object
            return reactor.callLater(.seconds(60)) { withExtendedLifetime(object) {} }
        }()
        #expect(held != nil)
        try call.cancel()
        #expect(held == nil)
    }

    @Test("T1: a hundred thousand calls, moved and cancelled at random, are made in order")
    func many() throws {
        let reactor = try Reactor(options: .forTests)
        var generator = SeededGenerator(seed: 7)
        var last = 0.0
        var made = 0
        var calls: [DelayedCall] = []
        for _ in 0..<100_000 {
            var call: DelayedCall?
            call = reactor.callLater(.microseconds(Int.random(in: 0..<20_000, using: &generator))) {
                if let time = call?.time { #expect(time >= last); last = time }
                call = nil
                made += 1
            }
            calls.append(call!)
        }
        var expected = calls.count
        for call in calls where call.isActive {
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                try call.cancel()
                expected -= 1
            case 1: try call.reset(.microseconds(Int.random(in: 0..<30_000, using: &generator)))
            default: break
            }
        }
        // Last of all: behind whatever is due at that time.
        reactor.callLater(.milliseconds(40)) { try reactor.stop() }
        try reactor.run()
        #expect(made == expected)
    }

    @Test("T1: absurdly long delays are as good as for ever")
    func forEver() throws {
        let reactor = try Reactor(options: .forTests)
        for delay in [Duration.seconds(1e20), .seconds(Int64.max), .seconds(-1e20), .nanoseconds(Int64.max)] {
            let call = reactor.callLater(delay) {}
            #expect(call.time >= reactor.seconds - 1)
            try call.delay(delay)
            try call.cancel()
        }
    }
}
