import Spindle
import Testing

/// Rule D1 of the contract: Twisted's chain semantics.
@Suite(.ownThreads) struct DeferredTests {
    struct Refusal: Error, Equatable {}

    // MARK: - Order

    @Test("D1: callbacks run in the order they were added, when the Deferred fires")
    func order() throws {
        let deferred = Deferred<Int>()
        var log: [String] = []
        deferred.addCallback { log.append("first \($0)") }
        deferred.addBoth { log.append("second \((try? $0.get()) ?? -1)") }
        deferred.addCallbacks({ log.append("third \($0)") }, { _ in log.append("wrong branch") })
        #expect(log == [])
        #expect(!deferred.hasFired)
        try deferred.callback(7)
        #expect(deferred.hasFired)
        #expect(log == ["first 7", "second 7", "third 7"])
    }

    @Test("D1: each link of a chain gets what the one before it returned, of whatever type")
    func chain() throws {
        let deferred = Deferred<Int>()
        let end = deferred.addCallback { $0 + 1 }.addCallback { "<\($0)>" }.addCallback { Array($0) }
        try deferred.callback(41)
        #expect(try end.result?.get() == ["<", "4", "2", ">"])
    }

    @Test("D1: what hangs on the first callback runs before the second")
    func depthFirst() throws {
        let deferred = Deferred<Int>()
        var log: [String] = []
        let first = deferred.addCallback { _ in log.append("1") }
        first.addCallback { log.append("1.1") }.addCallback { log.append("1.1.1") }
        deferred.addCallback { _ in log.append("2") }.addCallback { log.append("2.1") }
        try deferred.callback(0)
        #expect(log == ["1", "1.1", "1.1.1", "2", "2.1"])
    }

    @Test("D1: a callback that throws switches to the error branch, an errback switches back")
    func branches() throws {
        let deferred = Deferred<Int>()
        var log: [String] = []
        let end =
            deferred
            .addErrback { _ in
                log.append("passed by, there is no error yet")
                return 0
            }
            .addCallback { value -> Int in
                log.append("throws at \(value)")
                throw Refusal()
            }
            .addCallback { value -> Int in
                log.append("passed by")
                return value
            }
            .addErrback { error in
                log.append("handles \(error is Refusal)")
                return 5
            }
            .addCallbacks({ "value \($0)" }, { "error \($0)" })
        try deferred.callback(3)
        #expect(log == ["throws at 3", "handles true"])
        #expect(try end.result?.get() == "value 5")
    }

    @Test("D1: an errback that throws stays on the error branch, with its own error")
    func errbackThrows() throws {
        let deferred = Deferred<Int>()
        let end = deferred.addErrback { _ in throw Refusal() }.addCallbacks({ _ in "value" }, { "\(type(of: $0))" })
        try deferred.errback(ConnectionDone())
        #expect(try end.result?.get() == "Refusal")
    }

    // MARK: - Returning a Deferred

    @Test("D1: a returned Deferred is waited for, and its result goes on along the chain")
    func waits() throws {
        let outer = Deferred<Int>()
        let inner = Deferred<String>()
        var log: [String] = []
        let end = outer.addCallback { _ in
            log.append("asked")
            return inner
        }
        .addCallback { log.append("got \($0)") }
        outer.addCallback { _ in log.append("did not wait") }
        try outer.callback(1)
        #expect(log == ["asked", "did not wait"])
        #expect(!end.hasFired)
        try inner.callback("it")
        #expect(log == ["asked", "did not wait", "got it"])
        #expect(end.hasFired)
    }

    @Test("D1: the failure of a returned Deferred is the chain's", arguments: [false, true])
    func innerFails(firesFirst: Bool) throws {
        let outer = Deferred<Int>()
        let inner = Deferred<Int>()
        let end = outer.addBoth { _ in inner }.addCallbacks({ "value \($0)" }, { "\(type(of: $0))" })
        if firesFirst { try inner.errback(Refusal()) }
        try outer.callback(1)
        if !firesFirst { try inner.errback(Refusal()) }
        #expect(try end.result?.get() == "Refusal")
    }

    @Test("D1: a returned Deferred that has fired is not waited for")
    func innerHasFired() throws {
        let outer = Deferred<Int>()
        var log: [String] = []
        outer.addCallback { Deferred(.success($0 + 1)) }.addCallback { log.append("first \($0)") }
        outer.addCallback { log.append("second \($0)") }
        try outer.callback(1)
        #expect(log == ["first 2", "second 1"])
    }

    @Test("D1: a callback that throws instead of returning its Deferred switches to the error branch")
    func throwsInsteadOfWaiting() throws {
        let outer = Deferred<Int>()
        let end = outer.addCallback { _ -> Deferred<Int> in throw Refusal() }.addErrback { $0 is Refusal ? 1 : 2 }
        try outer.callback(0)
        #expect(try end.result?.get() == 1)
    }

    @Test("D1: a callback that returns the Deferred of its own result fails it, instead of having it wait for ever")
    func returnsItself() throws {
        let deferred = Deferred<Int>()
        var itself: Deferred<Int>?
        let end = deferred.addCallback { value in itself ?? Deferred(.success(value)) }
        itself = end
        let name = end.addCallbacks({ "value \($0)" }, { "\(type(of: $0))" })
        try deferred.callback(1)
        #expect(try name.result?.get() == "CircularDeferredError")
    }

    // MARK: - Adding late

    @Test("D1: adding to a Deferred that has fired runs at once")
    func addingLate() {
        let deferred = Deferred(.success(1))
        var log: [Int] = []
        let next = deferred.addCallback { value -> Int in
            log.append(value)
            return value + 1
        }
        #expect(log == [1])
        next.addCallback { log.append($0) }
        deferred.addBoth { log.append((try? $0.get()) ?? -1) }
        #expect(log == [1, 2, 1])
    }

    @Test("D1: what a running callback adds runs after it and after those already there, before fire returns")
    func addingWhileRunning() throws {
        let deferred = Deferred<Int>()
        var log: [String] = []
        deferred.addCallback { _ in
            log.append("first begins")
            deferred.addCallback { _ in
                log.append("added")
                deferred.addCallback { _ in log.append("added by what was added") }
            }
            log.append("first ends")
        }
        deferred.addCallback { _ in log.append("second") }
        try deferred.callback(0)
        #expect(log == ["first begins", "first ends", "second", "added", "added by what was added"])
    }

    @Test("D1: a callback may add to the Deferred of its own result")
    func addingToOwnResult() throws {
        let deferred = Deferred<Int>()
        var log: [String] = []
        var next: Deferred<Int>?
        next = deferred.addCallback { value -> Int in
            next?.addCallback { log.append("own result \($0)") }
            log.append("callback")
            return value * 2
        }
        try deferred.callback(4)
        #expect(log == ["callback", "own result 8"])
    }

    @Test("D1: a callback may fire another Deferred, whose callbacks run then and there")
    func firingAnother() throws {
        let first = Deferred<Int>()
        let second = Deferred<Int>()
        var log: [String] = []
        second.addCallback { log.append("second \($0)") }
        first.addCallback { value in
            try second.callback(value + 1)
            log.append("first \(value)")
        }
        try first.callback(1)
        #expect(log == ["second 2", "first 1"])
    }

    // MARK: - Letting go

    @Test("D1: a Deferred that has fired lets go of its callbacks and what they hold")
    func releasesCallbacks() throws {
        let deferred = Deferred<Int>()
        weak var held: Deferred<Int>?
        try {
            let token = Deferred<Int>()
            held = token
            deferred.addCallback { _ in _ = token.hasFired }
            try deferred.callback(1)
        }()
        #expect(held == nil)
        #expect(deferred.hasFired)
    }

    @Test("D1: what a callback holds may add to the same Deferred while it is being released")
    func addingWhileReleasing() async {
        // In a process of its own: should the exclusivity check object, it ends the process.
        await #expect(processExitsWith: .success) {
            let deferred = Deferred<Int>()
            var late: [Int] = []
            try {
                let parting = Parting()
                deferred.addCallback { _ in _ = parting.words == nil }
                parting.words = { deferred.addCallback { late.append($0) } }
                try deferred.callback(1)
            }()
            precondition(late == [1])
        }
    }
}

/// Says something when it is released.
private final class Parting {
    var words: (() -> Void)?
    deinit { words?() }
}
