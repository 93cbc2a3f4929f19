import Spindle
import TestSupport
import Testing

/// Rules T1 and T2 of the contract, on a reactor that runs and on a clock that a test holds (T3).
@Suite(.ownThreads) struct TimerTests {
    @Test("T1: calls are made in the order of their deadlines, never early", arguments: Timekeeper.allCases)
    func order(_ time: Timekeeper) throws {
        var made: [Int] = []
        try time.letPass(.milliseconds(40)) { reactor in
            for delay in [30, 5, 20, 1, 10] {
                let due = reactor.seconds + Double(delay) / 1000
                let call = reactor.callLater(.milliseconds(delay)) {
                    #expect(reactor.seconds >= due)
                    made.append(delay)
                }
                #expect(call.isActive && call.time >= due)
            }
        }
        #expect(made == [1, 5, 10, 20, 30])
    }

    @Test("T1: equal deadlines run in the order of the calls (Twisted D8)", arguments: Timekeeper.allCases)
    func equalDeadlines(_ time: Timekeeper) throws {
        var made: [Int] = []
        try time.letPass(.milliseconds(20)) { reactor in
            // All at the end of the clock, and then moved to one and the same instant near now.
            let calls = (0..<100).map { number in reactor.callLater(.seconds(Int64.max)) { made.append(number) } }
            let distance = reactor.seconds - calls[0].time
            for call in calls { try call.delay(.seconds(distance)) }
        }
        #expect(made == Array(0..<100))
    }

    @Test(
        "R3, T1: a call that is moved into the past, again and again, keeps no other from its turn",
        arguments: Timekeeper.allCases)
    func movedIntoThePast(_ time: Timekeeper) throws {
        var turns = 0
        var hasCome = false
        try time.letPass(.milliseconds(20)) { reactor in
            func again() throws {
                turns += 1
                if !hasCome, turns < 100_000 { try reactor.callLater(.seconds(10), again).delay(.seconds(-20)) }
            }
            try again()
            reactor.callLater(.milliseconds(5)) { hasCome = true }
        }
        #expect(hasCome && turns < 100_000)
    }

    @Test(
        "T1: a call that is moved comes behind those that have the new deadline already", arguments: Timekeeper.allCases
    )
    func movedBehind(_ time: Timekeeper) throws {
        var made: [String] = []
        try time.letPass(.milliseconds(20)) { reactor in
            let never = Duration.seconds(Int64.max)
            let calls = ["first", "second", "third"].map { name in reactor.callLater(never) { made.append(name) } }
            try calls[0].delay(.milliseconds(1))  // still the end of the clock
            #expect(reactor.delayedCalls.map(ObjectIdentifier.init) == [1, 2, 0].map { ObjectIdentifier(calls[$0]) })
            for call in reactor.delayedCalls { try call.delay(.seconds(reactor.seconds - call.time)) }
        }
        #expect(made == ["second", "third", "first"])
    }

    @Test("T1, R3: what a call sets off without delay runs in a later pass", arguments: Timekeeper.allCases)
    func zeroDelay(_ time: Timekeeper) throws {
        var made: [String] = []
        try time.letPass(.milliseconds(5)) { reactor in
            reactor.callLater(.zero) {
                made.append("first")
                reactor.callLater(.zero) { made.append("no delay") }
                reactor.callLater(.seconds(-5)) { made.append("negative delay") }
                reactor.inNextPass { made.append("queued") }
            }
            reactor.callLater(.zero) { made.append("second") }
            #expect(made == [])
        }
        #expect(made == ["first", "second", "queued", "no delay", "negative delay"])
    }

    @Test("T2: a call can be cancelled, moved forward and moved back", arguments: Timekeeper.allCases)
    func changes(_ time: Timekeeper) throws {
        var made: [String] = []
        try time.letPass(.milliseconds(40)) { reactor in
            let cancelled = reactor.callLater(.milliseconds(1)) { made.append("cancelled") }
            let sooner = reactor.callLater(.seconds(60)) { made.append("sooner") }
            let later = reactor.callLater(.milliseconds(1)) { made.append("later") }
            let reset = reactor.callLater(.milliseconds(2)) { made.append("reset by another") }
            reactor.callLater(.milliseconds(1)) { try reset.reset(.milliseconds(30)) }
            try cancelled.cancel()
            try sooner.reset(.milliseconds(5))
            try later.delay(.milliseconds(20))
            #expect(!cancelled.isActive && sooner.isActive && later.isActive)
        }
        #expect(made == ["sooner", "later", "reset by another"])
    }

    @Test(
        "T2: changing a call that is being made, was made or was cancelled is an error", arguments: Timekeeper.allCases)
    func tooLate(_ time: Timekeeper) throws {
        var call: DelayedCall?
        var wasActive: Bool?
        var error: (any Error)?
        try time.letPass(.milliseconds(1)) { reactor in
            call = reactor.callLater(.zero) {
                wasActive = call?.isActive
                do { try call?.cancel() } catch let thrown { error = thrown }
            }
            let cancelled = reactor.callLater(.zero) {}
            try cancelled.cancel()
            #expect(throws: AlreadyCancelled.self) { try cancelled.cancel() }
            #expect(throws: AlreadyCancelled.self) { try cancelled.delay(.zero) }
            #expect(throws: AlreadyCancelled.self) { try cancelled.reset(.zero) }
            #expect("\(cancelled)" == "a cancelled call")
        }
        #expect(wasActive == false && error is AlreadyCalled)
        #expect(throws: AlreadyCalled.self) { try call?.cancel() }
        #expect(throws: AlreadyCalled.self) { try call?.reset(.zero) }
        #expect(throws: AlreadyCalled.self) { try call?.delay(.zero) }
        #expect(call.map { "\($0)" } == "a call that was made")
    }

    @Test("T2: a call can be cancelled by another that is due with it", arguments: Timekeeper.allCases)
    func cancelsItsNeighbour(_ time: Timekeeper) throws {
        var made = 0
        var calls: [DelayedCall] = []
        try time.letPass(.milliseconds(1)) { reactor in
            calls = (0..<10).map { number in
                reactor.callLater(.zero) {
                    made += 1
                    for other in calls[(number + 1)...] where other.isActive { try other.cancel() }
                }
            }
        }
        #expect(made == 1)
        #expect(calls.allSatisfy { !$0.isActive })
    }

    @Test("R6: a call that throws is logged and harms no other", arguments: Timekeeper.allCases)
    func throwing(_ time: Timekeeper) throws {
        struct Mishap: Error {}
        var made = 0
        try time.letPass(.milliseconds(5)) { reactor in
            for _ in 0..<3 {
                reactor.callLater(.milliseconds(1)) {
                    made += 1
                    throw Mishap()
                }
            }
        }
        #expect(made == 3)
    }

    @Test("T2: cancelling releases what the closure holds, at once", arguments: Timekeeper.allCases)
    func releases(_ time: Timekeeper) throws {
        final class Held {}
        weak var held: Held?
        try time.letPass(.zero) { reactor in
            let call = {
                let object = Held()
                held = object
                return reactor.callLater(.seconds(60)) { withExtendedLifetime(object) {} }
            }()
            #expect(held != nil)
            try call.cancel()
            #expect(held == nil)
        }
    }

    @Test(
        "T2, R6: what a call's closure held may look at that call as it goes, and set others", arguments: [true, false])
    func looksBack(isCancelled: Bool) throws {
        let reactor = try Reactor(options: .forTests)
        var call: DelayedCall?
        var seen: [String] = []
        do {
            let held = LastWords { [weak reactor] in
                seen.append("\(call?.isActive == true) \(call.map { "\($0)" } ?? "")")
                #expect(throws: AlreadyCancelled.self) { try call?.cancel() }
                reactor?.callLater(.seconds(60)) {}
            }
            call = reactor.callLater(.seconds(60)) { withExtendedLifetime(held) {} }
        }
        if isCancelled { try call?.cancel() }
        reactor.callWhenRunning { try reactor.stop() }
        try reactor.run()
        #expect(seen == ["false a cancelled call"])
        #expect(reactor.delayedCalls.isEmpty)
    }

    @Test("T2: what a cancelled call's closure held may cancel others as it goes")
    func cancelsWhileReleased() throws {
        final class Chain {
            var next: DelayedCall?
            deinit { if next?.isActive == true { try? next?.cancel() } }
        }
        let reactor = try Reactor(options: .forTests)
        var last: DelayedCall?
        for _ in 0..<100 {
            let link = Chain()
            link.next = last
            last = reactor.callLater(.seconds(60)) { withExtendedLifetime(link) {} }
        }
        try last?.cancel()
        #expect(reactor.delayedCalls.isEmpty)
    }

    @Test(
        "T1: thirty thousand calls, moved and cancelled at random, are made in order", arguments: Timekeeper.allCases
    )
    func many(_ time: Timekeeper) throws {
        var generator = SeededGenerator(seed: 7)
        var last = 0.0
        var made = 0
        var expected = 0
        try time.letPass(.milliseconds(40)) { reactor in
            var calls: [DelayedCall] = []
            for _ in 0..<30_000 {
                var call: DelayedCall?
                call = reactor.callLater(.microseconds(Int.random(in: 0..<20_000, using: &generator))) {
                    if let time = call?.time, time < last { Issue.record("\(time) after \(last)") }
                    last = call?.time ?? 0
                    call = nil
                    made += 1
                }
                calls.append(call!)
            }
            expected = calls.count
            for call in calls {
                switch Int.random(in: 0..<4, using: &generator) {
                case 0:
                    try call.cancel()
                    expected -= 1
                case 1: try call.reset(.microseconds(Int.random(in: 0..<30_000, using: &generator)))
                default: break
                }
            }
            #expect(reactor.delayedCalls.count == expected)
        }
        #expect(made == expected)
    }

    @Test("T1: absurdly long delays are as good as for ever", arguments: Timekeeper.allCases)
    func forEver(_ time: Timekeeper) throws {
        try time.letPass(.milliseconds(1)) { reactor in
            for delay in [Duration.seconds(1e20), .seconds(Int64.max), .seconds(-1e20), .nanoseconds(Int64.max)] {
                let call = reactor.callLater(delay) {}
                #expect(call.time >= reactor.seconds - 1)
                try call.delay(delay)
                try call.cancel()
            }
        }
    }

    @Test("The delayed calls can be looked at, the next one first", arguments: Timekeeper.allCases)
    func delayedCalls(_ time: Timekeeper) throws {
        try time.letPass(.zero) { reactor in
            #expect(reactor.delayedCalls.isEmpty)
            let calls = [30, 10, 20].map { reactor.callLater(.seconds($0)) {} }
            #expect(reactor.delayedCalls.map(ObjectIdentifier.init) == [1, 2, 0].map { ObjectIdentifier(calls[$0]) })
            #expect("\(calls[0])".hasPrefix("a call due in "))
            try calls[1].cancel()
            #expect(reactor.delayedCalls.count == 2)
        }
    }
}
