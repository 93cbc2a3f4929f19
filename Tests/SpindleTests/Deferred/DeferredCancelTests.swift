import Spindle
import Testing

/// Rule D2 of the contract: firing twice and cancelling.
@Suite(.ownThreads) struct DeferredCancelTests {
    struct Refusal: Error {}

    // MARK: - Firing twice

    @Test("D2: firing a second time, either way, throws AlreadyCalledError and changes nothing")
    func firingTwice() throws {
        let deferred = Deferred<Int>()
        var log: [Int] = []
        deferred.addCallback { log.append($0) }
        try deferred.callback(1)
        #expect(throws: AlreadyCalledError.self) { try deferred.callback(2) }
        #expect(throws: AlreadyCalledError.self) { try deferred.errback(Refusal()) }
        #expect(throws: AlreadyCalledError.self) { try deferred.fire(.success(3)) }
        #expect(log == [1])
        #expect(try deferred.result?.get() == 1)
    }

    @Test("D2: firing one that failed throws AlreadyCalledError")
    func firingFailed() throws {
        let deferred = Deferred<Int>()
        let end = deferred.addErrback { _ in 0 }
        try deferred.errback(Refusal())
        #expect(throws: AlreadyCalledError.self) { try deferred.callback(1) }
        #expect(throws: AlreadyCalledError.self) { try Deferred(.success(1)).callback(2) }
        #expect(try end.result?.get() == 0)
    }

    @Test("D2: firing again from inside a callback throws AlreadyCalledError")
    func firingInsideCallback() throws {
        let deferred = Deferred<Int>()
        let end =
            deferred
            .addCallback { _ in try deferred.callback(2) }
            .addCallbacks({ "fired twice" }, { "\(type(of: $0))" })
        try deferred.callback(1)
        #expect(try end.result?.get() == "AlreadyCalledError")
    }

    // MARK: - Cancelling

    @Test("D2: cancelled without a canceller it fails, and one late result is swallowed; a second throws")
    func withoutCanceller() throws {
        let deferred = Deferred<Int>()
        var log: [String] = []
        deferred.addCallbacks({ log.append("value \($0)") }, { log.append("\(type(of: $0))") })
        deferred.cancel()
        #expect(log == ["CancelledError"])
        try deferred.callback(1)
        #expect(throws: AlreadyCalledError.self) { try deferred.callback(2) }
        #expect(throws: AlreadyCalledError.self) { try deferred.errback(Refusal()) }
        #expect(log == ["CancelledError"])
        #expect(throws: CancelledError.self) { try deferred.result?.get() }
    }

    @Test("D2: the late result that is swallowed may be a failure")
    func lateFailure() throws {
        let deferred = Deferred<Int>()
        deferred.addErrback { _ in 0 }
        deferred.cancel()
        try deferred.errback(Refusal())
        #expect(throws: AlreadyCalledError.self) { try deferred.errback(Refusal()) }
    }

    @Test("D2: cancelling twice does not have a second late result swallowed")
    func cancellingTwice() throws {
        let deferred = Deferred<Int>()
        deferred.addErrback { _ in 0 }
        deferred.cancel()
        deferred.cancel()
        try deferred.callback(1)
        deferred.cancel()
        #expect(throws: AlreadyCalledError.self) { try deferred.callback(2) }
    }

    @Test("D2: a canceller that fires the Deferred decides its result", arguments: [true, false])
    func cancellerFires(withValue: Bool) throws {
        var calls = 0
        let deferred = Deferred<Int> { deferred in
            calls += 1
            #expect(!deferred.hasFired)
            if withValue { try? deferred.callback(5) } else { try? deferred.errback(Refusal()) }
        }
        let end = deferred.addCallbacks({ "value \($0)" }, { "\(type(of: $0))" })
        deferred.cancel()
        deferred.cancel()
        #expect(calls == 1)
        #expect(try end.result?.get() == (withValue ? "value 5" : "Refusal"))
        #expect(throws: AlreadyCalledError.self) { try deferred.callback(6) }
    }

    @Test("D2: after a canceller that does not fire it fails with CancelledError, and a late result is an error")
    func cancellerDoesNotFire() throws {
        var calls = 0
        let deferred = Deferred<Int>(canceller: { _ in calls += 1 })
        let end = deferred.addCallbacks({ "value \($0)" }, { "\(type(of: $0))" })
        deferred.cancel()
        #expect(calls == 1)
        #expect(try end.result?.get() == "CancelledError")
        #expect(throws: AlreadyCalledError.self) { try deferred.callback(6) }
    }

    @Test("D2: cancelling after it fired does nothing", arguments: [true, false])
    func afterFiring(withValue: Bool) throws {
        var calls = 0
        let deferred = Deferred<Int>(canceller: { _ in calls += 1 })
        let end = deferred.addErrback { _ in 0 }
        try deferred.fire(withValue ? .success(1) : .failure(Refusal()))
        deferred.cancel()
        end.cancel()
        #expect(calls == 0)
        #expect(try end.result?.get() == (withValue ? 1 : 0))
        #expect(throws: AlreadyCalledError.self) { try deferred.callback(2) }
    }

    @Test("D2: a Deferred that has fired lets go of its canceller and what it holds")
    func releasesCanceller() throws {
        weak var held: Deferred<Int>?
        var deferred: Deferred<Int>?
        do {
            let token = Deferred<Int>()
            held = token
            deferred = Deferred(canceller: { _ in _ = token.hasFired })
        }
        #expect(held != nil)
        try deferred?.callback(1)
        #expect(held == nil)
    }

    // MARK: - Chains

    @Test("D2: cancelling a chained Deferred reaches the one at the chain's beginning")
    func reachesParent() throws {
        var calls = 0
        var log: [String] = []
        let parent = Deferred<Int>(canceller: { _ in calls += 1 })
        let child = parent.addCallback { _ in log.append("skipped") }.addBoth { _ in log.append("told") }
        child.cancel()
        #expect(calls == 1)
        #expect(parent.hasFired)
        #expect(log == ["told"])
        #expect(try child.result?.get() != nil)
    }

    @Test("D2: cancelling a chained Deferred whose parent has no canceller has one late result swallowed")
    func reachesParentWithoutCanceller() throws {
        let parent = Deferred<Int>()
        let child = parent.addCallback { $0 + 1 }.addErrback { $0 is CancelledError ? -1 : -2 }
        child.cancel()
        #expect(try child.result?.get() == -1)
        try parent.callback(1)
        #expect(throws: AlreadyCalledError.self) { try parent.callback(2) }
        #expect(try child.result?.get() == -1)
    }

    @Test("D2: a chained Deferred whose parent is gone can still be cancelled")
    func parentIsGone() throws {
        var child = Deferred<Int>()
        do { child = Deferred<Int>().addCallback { $0 } }
        let end = child.addErrback { $0 is CancelledError ? -1 : -2 }
        child.cancel()
        #expect(try end.result?.get() == -1)
    }

    @Test("D2: cancelling while an inner Deferred is waited for cancels that one")
    func cancelsInner() throws {
        var log: [String] = []
        let outer = Deferred<Int>(canceller: { _ in log.append("outer") })
        let inner = Deferred<Int>(canceller: { _ in log.append("inner") })
        let end = outer.addCallback { _ in inner }.addErrback { $0 is CancelledError ? -1 : -2 }
        try outer.callback(1)
        end.cancel()
        #expect(log == ["inner"])
        #expect(inner.hasFired)
        #expect(try end.result?.get() == -1)
        #expect(try outer.result?.get() == 1)
    }

    @Test("D2: cancelling before the outer Deferred has fired cancels that one, and the inner is never asked for")
    func cancelsOuterFirst() throws {
        var log: [String] = []
        let outer = Deferred<Int>(canceller: { _ in log.append("outer") })
        let end = outer.addCallback { _ in
            log.append("asked for inner")
            return Deferred<Int>()
        }
        .addErrback { $0 is CancelledError ? -1 : -2 }
        end.cancel()
        #expect(log == ["outer"])
        #expect(try end.result?.get() == -1)
    }

    @Test("D2: an inner Deferred that is cancelled itself fails the outer chain")
    func innerIsCancelled() throws {
        let inner = Deferred<Int>()
        let end = Deferred(.success(1)).addCallback { _ in inner }.addErrback { $0 is CancelledError ? -1 : -2 }
        inner.cancel()
        #expect(try end.result?.get() == -1)
        try inner.callback(1)
    }

    @Test("D2: an inner Deferred whose canceller supplies a value gives it to the chain")
    func innerCancellerFires() throws {
        let inner = Deferred<Int>(canceller: { try? $0.callback(8) })
        let end = Deferred(.success(1)).addCallback { _ in inner }.addCallback { $0 + 1 }
        end.cancel()
        #expect(try end.result?.get() == 9)
    }

    @Test("D1, D2: Deferreds that wait for each other in a circle can be cancelled", arguments: 2...9)
    func circle(length: Int) throws {
        let gates = (0..<length).map { _ in Deferred<Void>() }
        var ring: [Deferred<Int>] = []
        for index in 0..<length { ring.append(gates[index].addCallback { ring[(index + 1) % length] }) }
        for gate in gates { try gate.callback(()) }
        #expect(ring.allSatisfy { !$0.hasFired })
        ring[0].cancel()
        #expect(ring.allSatisfy { $0.hasFired })
        ring = []
    }
}
