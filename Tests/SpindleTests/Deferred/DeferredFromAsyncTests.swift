import CLinux
import Glibc
import Spindle
import Testing

/// Rules D2 and H4 of the contract: asynchronous code that runs elsewhere, with its result brought home.
@Suite(.ownThreads) struct DeferredFromAsyncTests {
    struct Refusal: Error {}

    @Test("H4: the code runs off the reactor's thread, and the result comes back on it")
    func elsewhere() throws {
        let reactor = try Reactor(options: .forTests)
        var threads: Set<Int32> = []
        try reactor.run {
            let away = try await Deferred(on: reactor) { () -> Int32 in
                await Task.yield()
                return spindle_thread_id()
            }
            .addCallback { thread -> Int32 in
                threads.insert(spindle_thread_id())
                return thread
            }
            .value()
            threads.insert(spindle_thread_id())
            #expect(away != spindle_thread_id())
        }
        #expect(threads == [spindle_thread_id()])
    }

    @Test("H4: the loop goes on while the code elsewhere holds its thread up")
    func loopGoesOn() throws {
        let reactor = try Reactor(options: .forTests)
        let gate = Lock(false)
        var passes = 0
        try reactor.run {
            let done = Deferred(on: reactor) { while !gate.withLock({ $0 }) { usleep(1000) } }
            for _ in 0..<10 {
                try await reactor.sleep(.zero).value()
                passes += 1
            }
            gate.withLock { $0 = true }
            try await done.value()
        }
        #expect(passes == 10)
    }

    @Test("D1: what the code throws is the failure")
    func failing() throws {
        let reactor = try Reactor(options: .forTests)
        try reactor.run {
            await #expect(throws: Refusal.self) {
                try await Deferred(on: reactor) { () -> Int in throw Refusal() }.value()
            }
        }
    }

    @Test("D2: cancelling the Deferred cancels the task, and fails at once; what comes of it later is ignored")
    func cancelling() throws {
        let reactor = try Reactor(options: .forTests)
        let sawCancel = Lock(false)
        try reactor.run {
            let deferred = Deferred(on: reactor) {
                try? await Task.sleep(for: .seconds(30))
                sawCancel.withLock { $0 = Task.isCancelled }
            }
            deferred.cancel()
            #expect(throws: CancelledError.self) { try deferred.result?.get() }
            try await reactor.until { sawCancel.withLock { $0 } }
        }
    }

    @Test("H4: stopping the reactor cancels the task, and waits for it")
    func stopping() throws {
        let reactor = try Reactor(options: .forTests)
        let log = Lock<[String]>([])
        reactor.callWhenRunning {
            let deferred = Deferred(on: reactor) {
                do { try await Task.sleep(for: .seconds(30)) } catch {
                    log.withLock { $0.append("\(type(of: error))") }
                }
            }
            deferred.addBoth { _ in log.withLock { $0.append("result") } }
            try reactor.stop()
        }
        try reactor.runWatched()
        #expect(log.withLock { $0 } == ["CancellationError", "result"])
    }

    @Test("H4: code that will not end holds a stop up for the grace period only, and the next stop not at all")
    func stuck() throws {
        var options = Reactor.Options.forTests
        options.shutdownGrace = .milliseconds(20)
        let reactor = try Reactor(options: options)
        let (gate, ended) = (Handoff(), Handoff())
        reactor.callWhenRunning {
            Deferred(on: reactor) {
                _ = gate.wait()
                ended.finish(true)
            }
            .addErrback { _ in }
            try reactor.stop()
        }
        try reactor.runWatched()
        gate.finish(true)
        #expect(ended.wait())
        reactor.callWhenRunning { reactor.callLater(.milliseconds(5)) { try reactor.stop() } }
        try reactor.runWatched()
    }

    @Test("D2: a result that comes while the Deferred is cancelled counts once, whichever was first")
    func racing() throws {
        let reactor = try Reactor(options: .forTests)
        var outcomes = (values: 0, cancellations: 0)
        try reactor.run {
            for round in 0..<500 {
                let deferred = Deferred(on: reactor) { round }
                for _ in 0..<(round % 4) { try await reactor.sleep(.zero).value() }
                deferred.cancel()
                switch try #require(deferred.result) {
                case .success(let value):
                    #expect(value == round)
                    outcomes.values += 1
                case .failure(let error):
                    #expect(error is CancelledError)
                    outcomes.cancellations += 1
                }
            }
        }
        #expect(outcomes.values + outcomes.cancellations == 500)
    }
}
