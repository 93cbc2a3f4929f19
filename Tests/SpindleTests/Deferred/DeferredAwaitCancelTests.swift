import CLinux
import Glibc
import Spindle
import Testing

/// Rules D2 and H4 of the contract: cancelling what awaits a Deferred.
@Suite(.serialized) struct DeferredAwaitCancelTests {
    private let reactor: Reactor

    init() throws { reactor = try Reactor(options: .forTests) }

    /// Runs the reactor until it is stopped; `start` runs first.
    private func run(_ start: @escaping () throws -> Void) throws {
        let watchdog = reactor.callLater(.seconds(30)) { [reactor] in
            Issue.record("timed out")
            try reactor.stop()
        }
        reactor.callWhenRunning(start)
        try reactor.run()
        if watchdog.isActive { try watchdog.cancel() }
    }

    @Test("D2, H4: cancelling a spawned task's Deferred cancels the Deferred that the task awaits")
    func cancelsAwaited() throws {
        var log: [String] = []
        var threads: Set<Int32> = []
        try run { [reactor] in
            let awaited = Deferred<Int>(canceller: { _ in
                threads.insert(spindle_thread_id())
                log.append("canceller")
            })
            let task = reactor.spawn {
                do {
                    log.append("value \(try await awaited.value())")
                } catch {
                    threads.insert(spindle_thread_id())
                    log.append("thrown: \(error)")
                }
                try reactor.stop()
            }
            task.addErrback { log.append("task: \($0)") }
            reactor.callLater(.zero) {
                task.cancel()
                task.cancel()
            }
        }
        #expect(log == ["task: cancelled", "canceller", "thrown: cancelled"])
        #expect(threads == [spindle_thread_id()])
    }

    @Test("D2: a canceller's own result is what the cancelled task is given")
    func cancellerFires() throws {
        var received: Int?
        try run { [reactor] in
            let awaited = Deferred<Int>(canceller: { try? $0.callback(6) })
            let task = reactor.spawn {
                received = try await awaited.value()
                try reactor.stop()
            }
            task.addErrback { _ in }
            reactor.callLater(.zero, task.cancel)
        }
        #expect(received == 6)
    }

    @Test("D2: cancelling reaches through the chain that is awaited")
    func cancelsChain() throws {
        var cancelled = false
        try run { [reactor] in
            let awaited = Deferred<Int>(canceller: { _ in cancelled = true })
            let task = reactor.spawn {
                defer { try? reactor.stop() }
                return try await Deferred(.success(1)).addCallback { _ in awaited }.addCallback { "\($0)" }.value()
            }
            task.addErrback { "\($0)" }
            reactor.callLater(.zero, task.cancel)
        }
        #expect(cancelled)
    }

    @Test("D2: a task that was cancelled before it awaits does not wait")
    func cancelledBefore() throws {
        var log: [String] = []
        try run { [reactor] in
            let gate = Deferred<Void>(canceller: { try? $0.callback(()) })
            let awaited = Deferred<Int>(canceller: { _ in log.append("canceller") })
            let task = reactor.spawn {
                try await gate.value()
                log.append("goes on, cancelled \(Task.isCancelled)")
                do { _ = try await awaited.value() } catch { log.append("thrown: \(error)") }
                try reactor.stop()
            }
            task.addErrback { _ in }
            reactor.callLater(.zero, task.cancel)
        }
        #expect(log == ["goes on, cancelled true", "canceller", "thrown: cancelled"])
    }

    @Test("D2: a cancelled task still gets the value of a Deferred that has fired")
    func firedAnyway() throws {
        var value: Int?
        try run { [reactor] in
            let gate = Deferred<Void>(canceller: { try? $0.callback(()) })
            let task = reactor.spawn {
                try await gate.value()
                value = try await Deferred(.success(2)).value()
                try reactor.stop()
            }
            task.addErrback { _ in }
            reactor.callLater(.zero, task.cancel)
        }
        #expect(value == 2)
    }

    @Test("D2: what fires first counts when a Deferred fires in the pass in which its task is cancelled")
    func firedAndCancelled() throws {
        var log: [String] = []
        try run { [reactor] in
            let awaited = Deferred<Int>(canceller: { _ in log.append("canceller") })
            let task = reactor.spawn {
                log.append("value \(try await awaited.value())")
                try reactor.stop()
            }
            task.addErrback { _ in }
            reactor.callLater(.zero) {
                try awaited.callback(1)
                task.cancel()
            }
        }
        #expect(log == ["value 1"])
    }

    @Test("H4: stopping the reactor cancels what its tasks await, before run() returns")
    func stopping() throws {
        var log: [String] = []
        try run { [reactor] in
            let awaited = Deferred<Int>(canceller: { _ in log.append("canceller") })
            reactor.spawn {
                do { _ = try await awaited.value() } catch { log.append("thrown: \(error)") }
            }
            reactor.callLater(.zero, reactor.stop)
        }
        #expect(log == ["canceller", "thrown: cancelled"])
    }

    @Test("H4: cancelling needs no thread but the reactor's own")
    func needsNoOtherThread() async {
        // In a process of its own, because this keeps the threads of the global pool busy for good.
        // It ends by _exit, past the leak check, since that is not what it is about.
        await #expect(processExitsWith: .success) {
            for _ in 0..<64 { Task.detached { while true { pause() } } }
            let thread = ScriptThread {
                do {
                    let reactor = try Reactor(options: .forTests)
                    var wasCancelled = false
                    let awaited = Deferred<Int>(canceller: { _ in wasCancelled = true })
                    reactor.callWhenRunning {
                        let task = reactor.spawn {
                            defer { try? reactor.stop() }
                            _ = try await awaited.value()
                        }
                        task.addErrback { _ in }
                        reactor.callLater(.zero, task.cancel)
                        reactor.callLater(.seconds(10)) { _exit(EXIT_FAILURE) }
                    }
                    try reactor.run()
                    _exit(wasCancelled ? EXIT_SUCCESS : EXIT_FAILURE)
                } catch {
                    _exit(EXIT_FAILURE)
                }
            }
            thread.join()
        }
    }
}
