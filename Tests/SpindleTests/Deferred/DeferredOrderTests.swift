import Spindle
import Testing

/// Rule D1 of the contract: in which order things happen where chains meet.
@Suite(.ownThreads) struct DeferredOrderTests {
    struct Refusal: Error {}

    @Test(
        "D1: an errback that returns a Deferred is waited for, and switches to the branch of that one's result",
        arguments: [true, false])
    func errbackWaits(succeeds: Bool) throws {
        let deferred = Deferred<Int>()
        let rescue = Deferred<Int>()
        let end = deferred.addErrback { _ in rescue }.addCallbacks({ "value \($0)" }, { "\(type(of: $0))" })
        try deferred.errback(Refusal())
        #expect(!end.hasFired)
        try rescue.fire(succeeds ? .success(4) : .failure(CancelledError()))
        #expect(try end.result?.get() == (succeeds ? "value 4" : "CancelledError"))
    }

    @Test("D1: a value passes an errback by that would return a Deferred")
    func errbackPassedBy() throws {
        let end = Deferred(.success(1)).addErrback { _ in Deferred<Int>() }
        #expect(try end.result?.get() == 1)
    }

    @Test("D1: addCallbacks waits for whichever Deferred its closures return", arguments: [true, false])
    func callbacksWait(succeeds: Bool) throws {
        let deferred = Deferred<Int>()
        let (good, bad) = (Deferred<String>(), Deferred<String>())
        let end = deferred.addCallbacks({ _ in good }, { _ in bad })
        try deferred.fire(succeeds ? .success(1) : .failure(Refusal()))
        try (succeeds ? bad : good).callback("wrong")
        #expect(!end.hasFired)
        try (succeeds ? good : bad).callback("right")
        #expect(try end.result?.get() == "right")
    }

    @Test("D1: callbacks of a Deferred that is returned keep its value, whether added before or after it was returned")
    func innerCallbacksKept() throws {
        let inner = Deferred<Int>()
        var log: [String] = []
        inner.addCallback { log.append("before \($0)") }
        let end = Deferred(.success(())).addCallback { inner }.addCallback { log.append("outer \($0)") }
        inner.addCallback { log.append("after \($0)") }
        try inner.callback(5)
        #expect(end.hasFired)
        #expect(log == ["before 5", "outer 5", "after 5"])
    }

    @Test("D1: two that wait for the same Deferred go on in the order in which they began to")
    func twoWait() throws {
        let inner = Deferred<Int>()
        var log: [String] = []
        for name in ["first", "second"] {
            Deferred(.success(())).addCallback { inner }.addCallback { log.append("\(name) \($0)") }
                .addCallback { log.append("\(name) goes on") }
        }
        try inner.callback(1)
        #expect(log == ["first 1", "first goes on", "second 1", "second goes on"])
    }

    @Test(
        "D1: what waits for one that waits goes on with the value of the innermost, in either order of firing",
        arguments: [true, false])
    func doublyWaiting(outerFirst: Bool) throws {
        let (outer, middle, inner) = (Deferred<Int>(), Deferred<Int>(), Deferred<Int>())
        var log: [String] = []
        let waitsForInner = middle.addCallback { value -> Deferred<Int> in
            log.append("middle \(value)")
            return inner
        }
        let end = outer.addCallback { value -> Deferred<Int> in
            log.append("outer \(value)")
            return waitsForInner
        }
        if outerFirst { try outer.callback(1) }
        try middle.callback(2)
        if !outerFirst { try outer.callback(1) }
        #expect(!end.hasFired)
        try inner.callback(3)
        #expect(try end.result?.get() == 3)
        #expect(log == (outerFirst ? ["outer 1", "middle 2"] : ["middle 2", "outer 1"]))
    }

    @Test(
        "D1: the failure of the innermost reaches the outermost, past all that only passes it on",
        arguments: [true, false])
    func innermostFails(firedBefore: Bool) throws {
        let inner = Deferred<Int>()
        if firedBefore { try inner.errback(Refusal()) }
        let middle = Deferred(.success(())).addCallback { inner }
        let end = Deferred(.success(())).addCallback { middle }.addCallback { $0 + 1 }.addErrback {
            $0 is Refusal ? -1 : -2
        }
        if !firedBefore { try inner.errback(Refusal()) }
        #expect(try end.result?.get() == -1)
    }

    @Test("D1: a callback that adds to its Deferred and throws fails its own result only")
    func addsAndThrows() throws {
        let deferred = Deferred<Int>()
        var log: [String] = []
        let failed = deferred.addCallback { _ -> Int in
            deferred.addCallback { log.append("added \($0)") }
            throw Refusal()
        }
        .addErrback { error -> Int in
            log.append("\(type(of: error))")
            return 0
        }
        deferred.addCallback { log.append("second \($0)") }
        try deferred.callback(1)
        #expect(failed.hasFired)
        #expect(log == ["Refusal", "second 1", "added 1"])
    }

    @Test("D1: what is added from inside the callback of a Deferred that had fired runs after that callback")
    func addingToFiredFromInside() {
        let deferred = Deferred(.success(1))
        var log: [String] = []
        deferred.addCallback { _ in
            deferred.addCallback { _ in log.append("inner") }
            log.append("outer")
        }
        #expect(log == ["outer", "inner"])
    }

    @Test("D1: a Deferred with a value of every kind: a closure, nil, another result")
    func kinds() throws {
        let isNil = Deferred<Int?>(.success(nil)).addCallback { $0 == nil }
        #expect(try isNil.result?.get() == true)
        let called = Deferred<() -> Int>(.success { 3 }).addCallback { $0() }
        #expect(try called.result?.get() == 3)
        let nested: Result<Int, any Error> = .failure(Refusal())
        let isFailure = Deferred(.success(nested)).addCallback { result -> Bool in
            if case .failure = result { return true } else { return false }
        }
        #expect(try isFailure.result?.get() == true)
    }

    @Test("D1, R6: what a callback held may add others to the same Deferred as it goes", arguments: 1...4)
    func addedByWhatGoes(callbacks: Int) throws {
        let deferred = Deferred<Int>()
        var late = 0
        for _ in 0..<callbacks {
            let held = LastWords { [weak deferred] in deferred?.addCallback { late += $0 } }
            deferred.addCallback { _ in withExtendedLifetime(held) {} }
        }
        try deferred.callback(1)
        #expect(late == callbacks)
    }

    @Test("D1, R6: so it may when a Deferred that it waits for is given up")
    func addedByWhatIsGivenUp() {
        let isOver = Handoff()
        let said = Lock(0)
        // On a thread of its own: what would be wrong is that it never ends.
        let thread = ScriptThread {
            do {
                let source = Deferred<Int>()
                let next = source.addCallback { $0 }
                for _ in 0..<3 {
                    let held = LastWords { [weak next] in
                        said.withLock { $0 += 1 }
                        next?.addCallback { _ in }
                    }
                    next.addCallback { _ in withExtendedLifetime(held) {} }
                }
            }
            isOver.finish(true)
        }
        guard isOver.wait() else { return _ = Issue.record("giving it up does not end") }
        thread.join()
        #expect(said.withLock { $0 } == 3)
    }
}
