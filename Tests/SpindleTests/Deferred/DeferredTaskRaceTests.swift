import CLinux
import Spindle
import Testing

/// Rules D2 and H4 of the contract: tasks that are cancelled from other threads, at any moment, and children of tasks.
@Suite(.ownThreads) struct DeferredTaskRaceTests {
    /// Cancels a task from a thread of its own.
    private final class Assassin: @unchecked Sendable {
        private let target: UnsafeCurrentTask
        init(_ target: UnsafeCurrentTask) { self.target = target }
        func strike() { target.cancel() }
    }

    @Test(
        "D2, H4: a task cancelled by another thread while its Deferred fires gets the value or the cancellation, once")
    func firedWhileCancelled() throws {
        let reactor = try Reactor(options: .forTests)
        var threads: Set<Int32> = []
        var outcomes = (values: 0, cancellations: 0)
        try reactor.run {
            for round in 0..<300 {
                var cancels = 0
                let awaited = Deferred<Int>(canceller: { _ in
                    cancels += 1
                    threads.insert(spindle_thread_id())
                })
                var assassin: ScriptThread?
                let task = reactor.spawn { () -> Bool in
                    let killer = withUnsafeCurrentTask { Assassin($0!) }
                    assassin = ScriptThread { killer.strike() }
                    do {
                        #expect(try await awaited.value() == round)
                        return true
                    } catch {
                        #expect(error is CancelledError)
                        return false
                    }
                }
                for _ in 0..<(round % 3) { try await reactor.sleep(.zero).value() }
                if !awaited.hasFired { try awaited.callback(round) }
                let gotValue = try await task.value()
                assassin?.join()
                #expect(cancels == (gotValue ? 0 : 1))
                if gotValue { outcomes.values += 1 } else { outcomes.cancellations += 1 }
            }
        }
        #expect(outcomes.values + outcomes.cancellations == 300)
        #expect(threads.isSubset(of: [spindle_thread_id()]))
    }

    @Test("H4: cancelling a spawned task cancels its children")
    func children() throws {
        let reactor = try Reactor(options: .forTests)
        let cancelled = Lock(0)
        try reactor.run {
            let task = reactor.spawn {
                @Sendable func child() async {
                    try? await Task.sleep(for: .seconds(30))
                    cancelled.withLock { $0 += Task.isCancelled ? 1 : 0 }
                }
                async let one: Void = child()
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<2 { group.addTask { await child() } }
                }
                await one
            }
            task.addErrback { _ in }
            try await reactor.sleep(.milliseconds(1)).value()
            task.cancel()
            try await reactor.until { cancelled.withLock { $0 } == 3 }
        }
    }

    @Test("D2: a task may take its cancellation, go on, and await something else")
    func goesOn() throws {
        let reactor = try Reactor(options: .forTests)
        var log: [String] = []
        try reactor.run {
            let task = reactor.spawn {
                do {
                    try await Deferred<Void>().value()
                } catch is CancelledError {
                    log.append("cancelled")
                }
                log.append("goes on with \(try await Deferred(.success(1)).value())")
            }
            task.addErrback { _ in }
            try await reactor.sleep(.zero).value()
            task.cancel()
            try await reactor.until { log.count == 2 }
        }
        #expect(log == ["cancelled", "goes on with 1"])
    }

    @Test("D2: what a task makes of its cancellation, an error of its own or a value, is not asked for any more")
    func translated() throws {
        struct Translated: Error {}
        let reactor = try Reactor(options: .forTests)
        try reactor.run {
            for throwing in [true, false] {
                let task = reactor.spawn {
                    do { try await Deferred<Void>().value() } catch { if throwing { throw Translated() } }
                }
                try await reactor.sleep(.zero).value()
                task.cancel()
                #expect(throws: CancelledError.self) { try task.result?.get() }
                try await reactor.sleep(.zero).value()
                #expect(throws: CancelledError.self) { try task.result?.get() }
            }
        }
    }

    @Test(
        "D2: cancelling a task that awaits another task's Deferred cancels that task too, however deep",
        arguments: [1, 2, 20])
    func nested(depth: Int) throws {
        let reactor = try Reactor(options: .forTests)
        var cancels = 0
        try reactor.run {
            let innermost = Deferred<Int>(canceller: { _ in cancels += 1 })
            var task = reactor.spawn { try await innermost.value() }
            for _ in 0..<depth {
                let inner = task
                task = reactor.spawn { try await inner.value() }
            }
            try await reactor.sleep(.zero).value()
            task.cancel()
            try await reactor.until { innermost.hasFired }
            task.addErrback { _ in 0 }
        }
        #expect(cancels == 1)
    }

    @Test("D1: awaiting 40,000 Deferreds that have fired, or fire at once, uses no stack")
    func manyFired() throws {
        let reactor = try Reactor(options: .forTests)
        var sum = 0
        try reactor.run {
            for _ in 0..<20_000 {
                sum += try await Deferred(.success(1)).value()
                sum += try await Deferred(.success(1)).addCallback { Deferred(.success($0)) }.value()
            }
        }
        #expect(sum == 40_000)
    }
}
