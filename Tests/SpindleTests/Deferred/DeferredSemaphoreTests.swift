import CLinux
import Spindle
import Testing

/// Rule D4 of the contract: `DeferredSemaphore`, and `DeferredLock`, which is one with a single token.
@Suite(.ownThreads) struct DeferredSemaphoreTests {
    struct Refusal: Error {}

    // MARK: - Taking and giving back

    @Test("D4: as many as there are tokens have one at once, the rest in the order of asking", arguments: [1, 2, 13])
    func order(tokens: Int) throws {
        let semaphore = DeferredSemaphore(tokens: tokens)
        var log: [Int] = []
        for index in 0..<(tokens + 3) { semaphore.acquire().addCallback { log.append(index) } }
        #expect(log == Array(0..<tokens))
        #expect(semaphore.tokens == 0)
        for served in tokens..<(tokens + 3) {
            try semaphore.release()
            #expect(log == Array(0...served))
            #expect(semaphore.tokens == 0)
        }
        for left in 1...tokens {
            try semaphore.release()
            #expect(semaphore.tokens == left)
        }
        #expect(semaphore.limit == tokens)
    }

    @Test("D4: a lock is held by one at a time, and handed to the next without being free between")
    func lock() throws {
        let lock = DeferredLock()
        #expect(!lock.isLocked)
        var log: [String] = []
        lock.acquire().addCallback { log.append("first") }
        lock.acquire().addCallback { log.append("second, locked \(lock.isLocked)") }
        #expect(log == ["first"])
        try lock.release()
        #expect(log == ["first", "second, locked true"])
        try lock.release()
        #expect(!lock.isLocked)
    }

    @Test("D4: giving back what nobody has is an error, and makes no token")
    func overRelease() throws {
        let semaphore = DeferredSemaphore(tokens: 2)
        #expect(throws: NotAcquiredError.self) { try semaphore.release() }
        _ = semaphore.acquire()
        try semaphore.release()
        #expect(throws: NotAcquiredError.self) { try semaphore.release() }
        #expect(semaphore.tokens == 2)
        #expect(throws: NotAcquiredError.self) { try DeferredLock().release() }
    }

    @Test("D4: a semaphore without tokens is refused", arguments: [0, -1])
    func noTokens(tokens: Int) async {
        // Exit tests cannot capture an argument of theirs in every toolchain: two bodies.
        if tokens == 0 {
            await #expect(processExitsWith: .failure) { _ = DeferredSemaphore(tokens: 0) }
        } else {
            await #expect(processExitsWith: .failure) { _ = DeferredSemaphore(tokens: -1) }
        }
    }

    @Test("D4: what asks from inside the callback of one that was served comes after those that wait")
    func askingWhileServed() throws {
        let lock = DeferredLock()
        var log: [String] = []
        _ = lock.acquire()
        lock.acquire().addCallback {
            lock.acquire().addCallback { log.append("asked from inside") }
            log.append("inside")
            try lock.release()
            log.append("released inside")
        }
        lock.acquire().addCallback { log.append("waited") }
        try lock.release()
        #expect(log == ["inside", "released inside", "waited"])
        try lock.release()
        #expect(log.last == "asked from inside")
    }

    @Test("D1, D4: 100,000 that wait for a lock, and give it back at once, do not recurse")
    func longLine() async {
        await #expect(processExitsWith: .success) {
            let lock = DeferredLock()
            var served = 0
            _ = lock.acquire()
            for _ in 0..<100_000 { lock.run { served += 1 } }
            try lock.release()
            precondition(served == 100_000 && !lock.isLocked)
        }
    }

    // MARK: - Cancelling

    @Test("D4: cancelling what has the lock does nothing")
    func cancellingHolder() {
        let lock = DeferredLock()
        let acquired = lock.acquire()
        acquired.cancel()
        #expect(throws: Never.self) { try acquired.result?.get() }
        #expect(lock.isLocked)
    }

    @Test("D4: one that is cancelled leaves the line, and no token is lost", arguments: 0..<3)
    func cancellingWaiter(cancelled: Int) throws {
        let lock = DeferredLock()
        var log: [String] = []
        _ = lock.acquire()
        let waiting = (0..<3).map { index in
            lock.acquire().addCallbacks({ log.append("\(index)") }, { log.append("\(index): \($0)") })
        }
        waiting[cancelled].cancel()
        #expect(log == ["\(cancelled): cancelled"])
        for _ in 0..<3 { try lock.release() }
        #expect(!lock.isLocked)
        #expect(log.dropFirst().elementsEqual((0..<3).filter { $0 != cancelled }.map { "\($0)" }))
    }

    @Test("D4: a token goes past all that are cancelled, even by the callback of one before them")
    func cancellingWhileServed() throws {
        let semaphore = DeferredSemaphore(tokens: 2)
        var log: [Int] = []
        for _ in 0..<2 { _ = semaphore.acquire() }
        var waiting: [Deferred<Void>] = []
        for index in 0..<4 {
            let acquired = semaphore.acquire()
            acquired.addCallbacks(
                { () -> Void in
                    log.append(index)
                    if index == 0 { for other in waiting[1...2] { other.cancel() } }
                }, { _ in })
            waiting.append(acquired)
        }
        try semaphore.release()
        try semaphore.release()
        #expect(log == [0, 3])
        try semaphore.release()
        try semaphore.release()
        #expect(semaphore.tokens == 2)
    }

    @Test("D4: 100,000 that wait can be cancelled one by one")
    func cancellingMany() throws {
        let lock = DeferredLock()
        _ = lock.acquire()
        let waiting = (0..<100_000).map { _ in lock.acquire() }
        for deferred in waiting { deferred.cancel() }
        try lock.release()
        #expect(!lock.isLocked)
    }

    @Test("D4: one that waits and is fired by somebody else costs no token")
    func firedByOthers() throws {
        let lock = DeferredLock()
        _ = lock.acquire()
        let forged = lock.acquire()
        try forged.callback(())
        let next = lock.acquire()
        try lock.release()
        #expect(next.hasFired)
        try lock.release()
        #expect(!lock.isLocked)
    }

    // MARK: - run

    @Test("D4: run holds the lock until its closure has returned, or thrown")
    func runClosure() throws {
        let lock = DeferredLock()
        var wasLocked = false
        let value = lock.run { () -> Int in
            wasLocked = lock.isLocked
            return 2
        }
        #expect(wasLocked && !lock.isLocked)
        #expect(try value.result?.get() == 2)
        let failed = lock.run { () -> Int in throw Refusal() }
        #expect(!lock.isLocked)
        #expect(throws: Refusal.self) { try failed.result?.get() }
        failed.addErrback { _ in 0 }
    }

    @Test("D4: run holds the lock until its closure's Deferred has fired, either way", arguments: [true, false])
    func runDeferred(succeeds: Bool) throws {
        let lock = DeferredLock()
        let inner = Deferred<Int>()
        var log: [String] = []
        lock.run { inner }.addCallbacks({ log.append("value \($0)") }, { log.append("\(type(of: $0))") })
        lock.run { log.append("next") }
        #expect(lock.isLocked && log.isEmpty)
        try inner.fire(succeeds ? .success(1) : .failure(Refusal()))
        #expect(log.sorted() == ["next", succeeds ? "value 1" : "Refusal"].sorted())
        #expect(!lock.isLocked)
    }

    @Test("D4: a closure that throws instead of returning its Deferred gives the lock back")
    func runThrows() throws {
        let lock = DeferredLock()
        let failed = lock.run { () -> Deferred<Int> in throw Refusal() }
        #expect(!lock.isLocked)
        #expect(throws: Refusal.self) { try failed.result?.get() }
        failed.addErrback { _ in 0 }
    }

    @Test("D4: cancelling a run that waits means that its closure does not run")
    func cancellingWaitingRun() throws {
        let lock = DeferredLock()
        var ran = false
        _ = lock.acquire()
        let waiting = lock.run { ran = true }
        waiting.cancel()
        #expect(throws: CancelledError.self) { try waiting.result?.get() }
        try lock.release()
        #expect(!ran && !lock.isLocked)
    }

    @Test("D4: cancelling a run that is under way cancels what it waits for, and gives the lock back")
    func cancellingRun() throws {
        let lock = DeferredLock()
        var cancels = 0
        let inner = Deferred<Int>(canceller: { _ in cancels += 1 })
        let running = lock.run { inner }
        running.cancel()
        #expect(cancels == 1 && !lock.isLocked)
        #expect(throws: CancelledError.self) { try running.result?.get() }
    }

    @Test("D4: a closure that gives the lock back itself has its run fail, and makes no second token")
    func runReleases() throws {
        let lock = DeferredLock()
        let run = lock.run { try lock.release() }
        #expect(throws: NotAcquiredError.self) { try run.result?.get() }
        run.addErrback { _ in }
        #expect(!lock.isLocked)
    }

    @Test("D4: a lock that nobody will give back is released with all that wait for it")
    func released() {
        weak var released: DeferredLock?
        weak var waiting: Deferred<Void>?
        do {
            let lock = DeferredLock()
            released = lock
            _ = lock.acquire()
            waiting = lock.run {}
            #expect(waiting != nil)
        }
        #expect(released == nil)
        #expect(waiting == nil)
    }

    @Test(
        "D4, R6: a semaphore that nobody else holds lives until what runs under it is done, and who waits has its turn")
    func letGoWhileHeld() throws {
        weak var released: DeferredSemaphore?
        let pending = Deferred<Void>()
        var log: [String] = []
        do {
            let semaphore = DeferredSemaphore(tokens: 1)
            released = semaphore
            semaphore.run { pending }.addCallback { log.append("first") }
            semaphore.run { log.append("second") }
        }
        #expect(released != nil)
        try pending.callback(())
        #expect(log == ["second", "first"])
        #expect(released == nil)
    }

    // MARK: - async

    @Test(
        "D4, H4: withLock keeps others out across its awaits, on the reactor's thread, and lets go whichever way it ends"
    )
    func asynchronous() throws {
        let reactor = try Reactor(options: .forTests)
        let lock = DeferredLock()
        var log: [String] = []
        var threads: Set<Int32> = []
        try reactor.run {
            let tasks = (0..<3).map { index in
                reactor.spawn {
                    threads.insert(spindle_thread_id())
                    try await lock.withLock {
                        threads.insert(spindle_thread_id())
                        log.append("\(index) in")
                        try await reactor.sleep(.milliseconds(1)).value()
                        threads.insert(spindle_thread_id())
                        log.append("\(index) out")
                        if index == 1 { throw Refusal() }
                    }
                    threads.insert(spindle_thread_id())
                }
            }
            let results = try await deferredList(tasks).value()
            #expect(results.map { (try? $0.get()) != nil } == [true, false, true])
        }
        #expect(log == ["0 in", "0 out", "1 in", "1 out", "2 in", "2 out"])
        #expect(threads == [spindle_thread_id()])
        #expect(!lock.isLocked)
    }

    @Test("D4: withToken lets in as many as there are tokens")
    func asynchronousTokens() throws {
        let reactor = try Reactor(options: .forTests)
        let semaphore = DeferredSemaphore(tokens: 3)
        var inside = 0
        var most = 0
        try reactor.run {
            let tasks = (0..<10).map { index in
                reactor.spawn {
                    try await semaphore.withToken {
                        inside += 1
                        most = max(most, inside)
                        try await reactor.sleep(.milliseconds(1)).value()
                        inside -= 1
                        return index
                    }
                }
            }
            let values = try await gather(tasks).value()
            #expect(values == Array(0..<10))
        }
        #expect(most == 3 && inside == 0)
        #expect(semaphore.tokens == 3)
    }

    @Test("D4, H4: cancelling a task that waits for a lock takes it out of the line", arguments: [false, true])
    func cancellingTask(whenServed: Bool) throws {
        let reactor = try Reactor(options: .forTests)
        let lock = DeferredLock()
        var log: [String] = []
        try reactor.run {
            try await lock.acquire().value()
            let task = reactor.spawn { try await lock.withLock { log.append("inside") } }
            task.addErrback { _ in }
            // In the pass in which it is cancelled it may be served first, and then it runs and lets go.
            if whenServed { try lock.release() }
            task.cancel()
            if !whenServed {
                try await reactor.sleep(.milliseconds(1)).value()
                try lock.release()
            }
            try await reactor.sleep(.milliseconds(1)).value()
            #expect(!lock.isLocked)
            try await lock.withLock { log.append("after") }
        }
        #expect(log == (whenServed ? ["inside", "after"] : ["after"]))
    }
}
