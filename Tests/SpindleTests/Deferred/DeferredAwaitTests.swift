import CLinux
import Spindle
import Testing

/// Rules D1, D2 and H4 of the contract: awaiting a Deferred with `value()`.
@Suite(.ownThreads) struct DeferredAwaitTests {
    struct Refusal: Error, CustomStringConvertible {
        var description = "refusal"
    }

    private let reactor: Reactor

    init() throws {
        ProcessLog.install()
        reactor = try Reactor(options: ProcessLog.options)
    }

    /// Runs the reactor until `start`'s Deferred has fired, and returns its result.
    private func run<Value>(_ start: @escaping () -> Deferred<Value>) throws -> Result<Value, any Error> {
        var result: Result<Value, any Error>?
        let watchdog = reactor.callLater(.seconds(30)) { [reactor] in
            Issue.record("timed out")
            try reactor.stop()
        }
        reactor.callWhenRunning { [reactor] in
            start().addBoth { outcome in
                result = outcome
                try watchdog.cancel()
                try reactor.stop()
            }
        }
        try reactor.run()
        return try #require(result)
    }

    // MARK: - Results

    @Test("D1: a Deferred that has fired is not waited for")
    func alreadyFired() throws {
        let steps = Steps()
        let bound = reactor.bound(steps)
        _ = try run { [reactor] in
            reactor.spawn {
                // The first await of any task goes once through the queue: see Deferred.value.
                try await reactor.sleep(.zero).value()
                // Made in the next pass: whatever is not waited for comes before it.
                reactor.handle.callFromThread { bound.value(on: $0).list.append("next pass") }
                steps.list.append("value \(try await Deferred(.success(3)).value())")
                do {
                    _ = try await Deferred<Int>(.failure(Refusal())).value()
                } catch {
                    steps.list.append("error \(error)")
                }
                try await reactor.sleep(.milliseconds(1)).value()
            }
        }
        #expect(steps.list == ["value 3", "error refusal", "next pass"])
    }

    @Test("D1, H4: a pending Deferred's value arrives, on the same thread")
    func pending() throws {
        var threads: Set<Int32> = []
        let result = try run { [reactor] in
            let deferred = Deferred<Int>()
            reactor.callLater(.milliseconds(1)) { try deferred.callback(4) }
            return reactor.spawn {
                threads.insert(spindle_thread_id())
                let value = try await deferred.addCallback { "<\($0)>" }.value()
                threads.insert(spindle_thread_id())
                return value
            }
        }
        #expect(try result.get() == "<4>")
        #expect(threads == [spindle_thread_id()])
    }

    @Test("D1: awaiting a chain waits for the Deferreds that its callbacks return")
    func pendingInner() throws {
        let result = try run { [reactor] in
            reactor.spawn {
                try await reactor.sleep(.milliseconds(1))
                    .addCallback { reactor.sleep(.milliseconds(1)) }
                    .addCallback { 5 }
                    .value()
            }
        }
        #expect(try result.get() == 5)
    }

    @Test("D1, D3: a failure is thrown where it is awaited, and is not logged: it has been handled")
    func failing() throws {
        let result = try run { [reactor] in
            let deferred = Deferred<Int>()
            reactor.callLater(.milliseconds(1)) { try deferred.errback(Refusal(description: "awaited-failure")) }
            return reactor.spawn {
                do {
                    return "value \(try await deferred.value())"
                } catch is Refusal {
                    return "refused"
                }
            }
        }
        #expect(try result.get() == "refused")
        #expect(ProcessLog.entries(with: "awaited-failure").isEmpty)
    }

    @Test("D1: all who await one Deferred get its value, in the order in which they began to")
    func severalWaiters() throws {
        var log: [String] = []
        let result = try run { [reactor] in
            let deferred = Deferred<Int>()
            let tasks = (0..<3).map { index in
                reactor.spawn { log.append("\(index): \(try await deferred.value())") }
            }
            reactor.callLater(.milliseconds(1)) { try deferred.callback(8) }
            return tasks[0].addCallback { tasks[1] }.addCallback { tasks[2] }
        }
        #expect(throws: Never.self) { try result.get() }
        #expect(log == ["0: 8", "1: 8", "2: 8"])
    }

    @Test("D1: a task that awaits many Deferreds one after the other gets each one's value")
    func manyInTurn() throws {
        let result = try run { [reactor] in
            reactor.spawn {
                var sum = 0
                for number in 1...1000 {
                    let deferred = Deferred<Int>()
                    reactor.callLater(.zero) { try deferred.callback(number) }
                    sum += try await deferred.value()
                }
                return sum
            }
        }
        #expect(try result.get() == 500_500)
    }

    @Test("D3: a Deferred made by a task and awaited by nobody else is gone when the task is over")
    func released() throws {
        weak var awaited: Deferred<Int>?
        let result = try run { [reactor] in
            reactor.spawn {
                let deferred = Deferred<Int>()
                awaited = deferred
                reactor.callLater(.zero) { try deferred.callback(1) }
                return try await deferred.value()
            }
        }
        #expect(try result.get() == 1)
        #expect(awaited == nil)
    }
}

private final class Steps {
    var list: [String] = []
}
