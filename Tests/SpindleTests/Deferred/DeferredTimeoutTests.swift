import Spindle
import Testing

/// Rule D2 of the contract: a time limit for a Deferred, on a clock that stands still unless told to move.
@Suite(.ownThreads) struct DeferredTimeoutTests {
    struct Refusal: Error {}

    /// A reactor whose clock stands still.
    private func makeReactor() throws -> Reactor {
        let reactor = try Reactor(options: .forTests)
        reactor.stopClock()
        return reactor
    }

    /// What a Deferred came to, in a word.
    private func outcome<Value>(_ deferred: Deferred<Value>) -> String? {
        switch deferred.result {
        case .success(let value)?: return "\(value)"
        case .failure(let error)?:
            deferred.addErrback { _ in }
            return "\(type(of: error))"
        case nil: return nil
        }
    }

    @Test("D2: a result in time passes, and calls the timer off", arguments: [true, false])
    func inTime(succeeds: Bool) throws {
        let reactor = try makeReactor()
        let deferred = Deferred<Int>()
        let limited = deferred.addTimeout(.seconds(10), reactor)
        reactor.advance(by: .seconds(9))
        try deferred.fire(succeeds ? .success(1) : .failure(Refusal()))
        #expect(outcome(limited) == (succeeds ? "1" : "Refusal"))
        #expect(reactor.delayedCallCount == 0)
        reactor.advance(by: .seconds(2))
        #expect(outcome(deferred) == (succeeds ? "1" : "Refusal"))
    }

    @Test("D2: one that has fired keeps its result and leaves no timer")
    func firedBefore() throws {
        let reactor = try makeReactor()
        let limited = Deferred(.success(1)).addTimeout(.seconds(1), reactor)
        #expect(outcome(limited) == "1")
        #expect(reactor.delayedCallCount == 0)
    }

    @Test("D2: when the time is over the Deferred is cancelled, and what it returned fails with TimeoutError")
    func timesOut() throws {
        let reactor = try makeReactor()
        var cancels = 0
        let deferred = Deferred<Int>(canceller: { _ in cancels += 1 })
        let limited = deferred.addTimeout(.milliseconds(1500), reactor)
        reactor.advance(by: .milliseconds(1499))
        #expect(outcome(limited) == nil)
        reactor.advance(by: .milliseconds(1))
        #expect(cancels == 1)
        #expect(outcome(deferred) == "CancelledError")
        let error = try #require(throws: TimeoutError.self) { try limited.result?.get() }
        #expect(error == TimeoutError(timeout: .milliseconds(1500)))
        #expect(error.description == "no answer within 1.5 seconds")
        #expect(outcome(limited) == "TimeoutError")
    }

    @Test("D2: a limit of nothing, or less, is over in a later pass", arguments: [Duration.zero, .seconds(-1)])
    func noTime(limit: Duration) throws {
        let reactor = try makeReactor()
        let limited = Deferred<Int>().addTimeout(limit, reactor)
        #expect(outcome(limited) == nil)
        reactor.advance(by: .zero)
        #expect(outcome(limited) == "TimeoutError")
    }

    @Test("D2: a late result after the time is over is ignored, once")
    func lateResult() throws {
        let reactor = try makeReactor()
        let deferred = Deferred<Int>()
        let limited = deferred.addTimeout(.seconds(1), reactor)
        reactor.advance(by: .seconds(1))
        try deferred.callback(1)
        #expect(throws: AlreadyCalledError.self) { try deferred.callback(2) }
        #expect(outcome(limited) == "TimeoutError")
    }

    @Test("D2: what the canceller makes of the time being over passes as it is", arguments: [true, false])
    func cancellerDecides(withValue: Bool) throws {
        let reactor = try makeReactor()
        let deferred = Deferred<Int> { try? $0.fire(withValue ? .success(6) : .failure(Refusal())) }
        let limited = deferred.addTimeout(.seconds(1), reactor)
        reactor.advance(by: .seconds(1))
        #expect(outcome(limited) == (withValue ? "6" : "Refusal"))
    }

    @Test("D2: cancelled by others before the time is over it fails with CancelledError, and the timer is called off")
    func cancelledBefore() throws {
        let reactor = try makeReactor()
        for cancelsLimited in [true, false] {
            let deferred = Deferred<Int>()
            let limited = deferred.addTimeout(.seconds(10), reactor)
            if cancelsLimited { limited.cancel() } else { deferred.cancel() }
            #expect(outcome(limited) == "CancelledError")
            #expect(reactor.delayedCallCount == 0)
        }
    }

    @Test("D2: an errback added before the limit sees CancelledError, one after it TimeoutError")
    func beforeAndAfter() throws {
        let reactor = try makeReactor()
        let deferred = Deferred<Int>()
        var log: [String] = []
        deferred
            .addErrback { error -> Int in
                log.append("before: \(type(of: error))")
                throw error
            }
            .addTimeout(.seconds(1), reactor)
            .addErrback { error -> Int in
                log.append("after: \(type(of: error))")
                return 0
            }
        reactor.advance(by: .seconds(1))
        #expect(log == ["before: CancelledError", "after: TimeoutError"])
    }

    @Test("D2: an errback before the limit that takes the cancellation decides the result")
    func suppressed() throws {
        let reactor = try makeReactor()
        let deferred = Deferred<Int>()
        let limited = deferred.addErrback { $0 is CancelledError ? 5 : 6 }.addTimeout(.seconds(1), reactor)
        reactor.advance(by: .seconds(1))
        #expect(outcome(limited) == "5")
    }

    @Test("D2: the limit covers what a callback before it waits for, and cancels that")
    func coversInner() throws {
        let reactor = try makeReactor()
        var cancels = 0
        let outer = Deferred<Int>()
        let inner = Deferred<Int>(canceller: { _ in cancels += 1 })
        let limited = outer.addCallback { _ in inner }.addTimeout(.seconds(2), reactor)
        reactor.advance(by: .seconds(1))
        try outer.callback(1)
        reactor.advance(by: .seconds(1))
        #expect(cancels == 1)
        #expect(outcome(limited) == "TimeoutError")
    }

    @Test("D2: of two limits the shorter one decides", arguments: [true, false])
    func twoLimits(firstIsShorter: Bool) throws {
        let reactor = try makeReactor()
        let (first, second): (Duration, Duration) =
            firstIsShorter ? (.seconds(1), .seconds(2)) : (.seconds(2), .seconds(1))
        let limited = Deferred<Int>().addTimeout(first, reactor).addTimeout(second, reactor)
        reactor.advance(by: .seconds(1))
        let error = try #require(throws: TimeoutError.self) { try limited.result?.get() }
        #expect(error.timeout == .seconds(1))
        #expect(outcome(limited) == "TimeoutError")
        #expect(reactor.delayedCallCount == 0)
    }

    @Test(
        "D2, D4: a time limit ends a gathering and a race with TimeoutError, and gives the part of a list that is there"
    )
    func combinations() throws {
        let reactor = try makeReactor()
        let inputs = (0..<2).map { _ in Deferred<Int>() }
        try inputs[0].callback(1)
        let pending = Deferred<Int>()
        let all = gather(inputs).addTimeout(.seconds(1), reactor)
        let first = race([pending, Deferred(.failure(Refusal()))]).addTimeout(.seconds(1), reactor)
        reactor.advance(by: .seconds(1))
        #expect(outcome(all) == "TimeoutError")
        #expect(outcome(first) == "TimeoutError")
        #expect(pending.hasFired)
        let last = Deferred<Int>()
        let list = deferredList([inputs[0], last]).addTimeout(.seconds(1), reactor)
        reactor.advance(by: .seconds(1))
        let results = try #require(try list.result?.get())
        #expect(try results[0].get() == 1)
        #expect(throws: CancelledError.self) { try results[1].get() }
        #expect(last.hasFired)
    }

    @Test("D2, E1: a time limit on an attempt to connect is a TimeoutError too, and nothing is left of the attempt")
    func connecting() throws {
        let reactor = try Reactor(options: .forTests)
        let blackHole = try BlackHole()
        let endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", blackHole.address.port ?? 0)
        var failure: (any Error)?
        reactor.callWhenRunning {
            endpoint.connect(Factory { Protocol() }).addTimeout(.milliseconds(1), reactor)
                .addErrback { error -> Void in
                    failure = error
                    try reactor.stop()
                }
        }
        try reactor.runWatched()
        #expect(failure is TimeoutError, "\(String(describing: failure))")
    }

    @Test("D2, H4: a spawned task that takes too long is cancelled, and awaiting it throws TimeoutError")
    func spawned() throws {
        let reactor = try Reactor(options: .forTests)
        var log: [String] = []
        try reactor.run {
            let slow = reactor.spawn {
                do { try await Deferred<Void>().value() } catch { log.append("task: \(error)") }
            }
            do {
                try await slow.addTimeout(.milliseconds(1), reactor).value()
            } catch {
                log.append("\(type(of: error))")
            }
        }
        #expect(log.sorted() == ["TimeoutError", "task: cancelled"])
    }

    @Test("D2: a reactor that goes away before the time is over leaves nothing behind")
    func released() throws {
        weak var released: Deferred<Int>?
        do {
            let reactor = try Reactor(options: .forTests)
            let deferred = Deferred<Int>()
            released = deferred
            deferred.addTimeout(.seconds(1), reactor)
        }
        #expect(released == nil)
    }
}
