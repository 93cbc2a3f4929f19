import Spindle
import Testing

/// Rule D1 of the contract: chains do not recurse, however long they are.
///
/// A chain that did would end the process: a thread's stack is a few megabytes.
@Suite(.ownThreads) struct DeferredChainTests {
    struct Refusal: Error {}

    static let length = 100_000

    @Test("D1: a chain of 100,000 callbacks runs when its Deferred fires, and is released")
    func plainChain() throws {
        let first = Deferred<Int>()
        var last = first
        for _ in 0..<Self.length { last = last.addCallback { $0 + 1 } }
        try first.callback(0)
        #expect(try last.result?.get() == Self.length)
    }

    @Test("D1: a failure passes 100,000 callbacks by")
    func failingChain() throws {
        let first = Deferred<Int>()
        var last = first
        for _ in 0..<Self.length { last = last.addCallback { $0 + 1 } }
        last = last.addErrback { $0 is Refusal ? -1 : -2 }
        try first.errback(Refusal())
        #expect(try last.result?.get() == -1)
    }

    @Test("D1: a chain of 100,000 callbacks that each return a fired Deferred")
    func firedInners() throws {
        let first = Deferred<Int>()
        var last = first
        for _ in 0..<Self.length { last = last.addCallback { Deferred(.success($0 + 1)) } }
        try first.callback(0)
        #expect(try last.result?.get() == Self.length)
    }

    @Test("D1: a chain of 100,000 callbacks that each return a pending Deferred")
    func pendingInners() throws {
        let first = Deferred<Int>()
        var last = first
        var inners: [Deferred<Int>] = []
        for _ in 0..<Self.length {
            last = last.addCallback { _ in
                let inner = Deferred<Int>()
                inners.append(inner)
                return inner
            }
        }
        try first.callback(0)
        for index in 0..<Self.length {
            #expect(inners.count == index + 1)
            guard inners.count == index + 1 else { return }
            try inners[index].callback(index)
        }
        #expect(try last.result?.get() == Self.length - 1)
    }

    @Test("D1: 100,000 Deferreds that each wait for the next fire from the far end")
    func nestedInners() throws {
        let innermost = Deferred<Int>()
        var outer = innermost
        for _ in 0..<Self.length {
            let inner = outer
            outer = Deferred(.success(())).addCallback { inner }
        }
        #expect(!outer.hasFired)
        try innermost.callback(9)
        #expect(try outer.result?.get() == 9)
    }

    @Test("D1: adding 100,000 links to a fired Deferred, each to the last one's result")
    func firedChain() throws {
        var last = Deferred(.success(0))
        for _ in 0..<Self.length { last = last.addCallback { $0 + 1 } }
        #expect(try last.result?.get() == Self.length)
    }

    @Test("D1: 100,000 callbacks on one Deferred")
    func wide() throws {
        let deferred = Deferred<Int>()
        var sum = 0
        for _ in 0..<Self.length { deferred.addCallback { sum += $0 } }
        try deferred.callback(2)
        #expect(sum == 2 * Self.length)
    }

    @Test("D1: a chain of 100,000 callbacks that never fires is released, all of it")
    func neverFired() {
        weak var last: Deferred<Int>?
        do {
            let first = Deferred<Int>()
            var end = first
            for _ in 0..<Self.length { end = end.addCallback { $0 + 1 } }
            last = end
            #expect(last != nil)
        }
        #expect(last == nil)
    }

    @Test("D1: 100,000 Deferreds that each wait for the next, and never fire, are released")
    func neverFiredNested() {
        weak var innermost: Deferred<Int>?
        weak var outermost: Deferred<Int>?
        do {
            var outer = Deferred<Int>()
            let first = outer
            innermost = first
            for _ in 0..<Self.length {
                let inner = outer
                outer = Deferred(.success(())).addCallback { inner }
            }
            outermost = outer
            #expect(!outer.hasFired)
            withExtendedLifetime(first) {}
        }
        #expect(innermost == nil)
        #expect(outermost == nil)
    }

    @Test("D1, D2: cancelling the end of a chain of 100,000 reaches its beginning")
    func cancelLongChain() async {
        // In a process of its own: running out of stack ends the process.
        await #expect(processExitsWith: .success) {
            var cancels = 0
            let first = Deferred<Int>(canceller: { _ in cancels += 1 })
            var last = first
            for _ in 0..<Self.length { last = last.addCallback { $0 + 1 } }
            last.cancel()
            precondition(cancels == 1 && first.hasFired && last.hasFired)
            last.addErrback { _ in 0 }
        }
    }

    @Test("D1, D2: cancelling the outermost of 100,000 Deferreds that wait for each other reaches the innermost")
    func cancelNestedInners() async {
        await #expect(processExitsWith: .success) {
            var cancels = 0
            let innermost = Deferred<Int>(canceller: { _ in cancels += 1 })
            var outer = innermost
            for _ in 0..<Self.length {
                let inner = outer
                outer = Deferred(.success(())).addCallback { inner }
            }
            outer.cancel()
            precondition(cancels == 1 && outer.hasFired)
            outer.addErrback { _ in 0 }
        }
    }

    @Test("D1: 100,000 steps of a loop that goes on in a returned Deferred, each fired by the one before")
    func steps() async {
        await #expect(processExitsWith: .success) {
            var pending: Deferred<Void>?
            func step(_ left: Int) -> Deferred<Int> {
                guard left > 0 else { return Deferred(.success(7)) }
                let work = Deferred<Void>()
                pending = work
                return work.addCallback { step(left - 1) }
            }
            let end = step(Self.length)
            while let work = pending.take() { try work.callback(()) }
            let result = try end.result?.get()
            precondition(result == 7)
        }
    }

    @Test("D1: an error branch of 100,000 errbacks that throw again, and of errbacks that return Deferreds")
    func errbackChain() async {
        await #expect(processExitsWith: .success) {
            let first = Deferred<Int>()
            var last = first
            for _ in 0..<Self.length { last = last.addErrback { throw $0 } }
            for _ in 0..<Self.length { last = last.addErrback { Deferred<Int>(.failure($0)) } }
            try first.errback(Refusal())
            var failed = false
            last.addErrback { error -> Int in
                failed = error is Refusal
                return 0
            }
            precondition(failed)
        }
    }

    @Test("D1, D4: 100,000 gatherings, each of the one before, fire and are released", arguments: [true, false])
    func gatherings(fires: Bool) throws {
        weak var innermost: Deferred<Int>?
        try {
            let first = Deferred<Int>()
            innermost = first
            var last = first
            for _ in 0..<Self.length { last = gather([last]).addCallback { $0[0] } }
            if fires {
                try first.callback(3)
                #expect(try last.result?.get() == 3)
            }
        }()
        #expect(innermost == nil)
    }

    @Test("D1, D2: a chain of 10,000 time limits is ended by the first")
    func timeLimits() async {
        await #expect(processExitsWith: .success) {
            let reactor = try Reactor(options: .forTests)
            reactor.stopClock()
            let first = Deferred<Int>()
            var last = first
            for _ in 0..<10_000 { last = last.addTimeout(.seconds(1), reactor) }
            reactor.advance(by: .seconds(1))
            var failed = false
            last.addErrback { error -> Int in
                failed = error is TimeoutError
                return 0
            }
            precondition(failed && first.hasFired)
        }
    }
}
