import Logging
import Spindle
import SpindleTesting
import Testing

/// `Cooperator` and its tasks.
@Suite(.ownThreads) struct CooperatorTests {
    private struct Mishap: Error {}

    /// A cooperator that does one unit a pass, and a task on it that does what the test says next.
    private final class Bench {
        let clock = FakeClock()
        let cooperator: Cooperator
        private(set) var task: CooperativeTask!
        private(set) var work: [Int] = []
        /// What the next units do instead of nothing.
        var waitsFor: Deferred<Void>?
        var throwsNext = false
        var isExhausted = false

        init() {
            cooperator = Cooperator(clock.reactor, slice: .zero)
            let numbers = sequence(first: 1) { [unowned self] number in isExhausted ? nil : number + 1 }
            task = cooperator.cooperate(numbers) { [unowned self] number -> Deferred<Void> in
                if throwsNext { throw Mishap() }
                work.append(number)
                return waitsFor.take() ?? Deferred(.success(()))
            }
        }

        /// One pass.
        func pass() { clock.reactor.makePass() }
    }

    // MARK: - Sharing

    @Test("Tasks take turns, one unit each")
    func turns() {
        let clock = FakeClock()
        let cooperator = Cooperator(clock.reactor)
        var done: [String] = []
        var finished = 0
        for word in ["abc", "123", "xyz"] {
            cooperator.coiterate(word) { done.append(String($0)) }.addCallback { finished += 1 }
        }
        #expect(done.isEmpty)
        clock.advance(by: .zero)
        #expect(done.joined() == "a1xb2yc3z" && finished == 3)
        #expect(clock.reactor.delayedCalls.isEmpty)
    }

    @Test("When the slice is over the rest waits for the next pass, where the next task in the round goes on")
    func slices() {
        let clock = FakeClock()
        let cooperator = Cooperator(clock.reactor, slice: .zero)
        var done = ""
        for word in ["ab", "12"] { cooperator.cooperate(word) { done.append($0) } }
        for expected in ["a", "a1", "a1b", "a1b2", "a1b2", "a1b2", "a1b2"] {
            clock.reactor.makePass()
            #expect(done == expected)
        }
        #expect(clock.reactor.delayedCalls.isEmpty)
    }

    @Test("R3: work without end leaves I/O and timers their turn")
    func sharesWithIO() throws {
        let reactor = try Reactor(options: .forTests)
        var units = 0
        let task = reactor.cooperator.cooperate(0...) { _ in units += 1 }
        try reactor.runEcho {
            #expect(units > 0)
            try task.stop()
        }
    }

    @Test("A unit is done in any case, and no more than the slice has room for")
    func atLeastOne() {
        let bench = Bench()
        bench.pass()
        #expect(bench.work == [1])
        bench.pass()
        #expect(bench.work == [1, 2])
    }

    @Test("Tasks that draw from one iterator share its elements")
    func parallelism() throws {
        let clock = FakeClock()
        let reactor = clock.reactor
        var numbers = (1...10).makeIterator()
        var (running, most, done) = (0, 0, 0)
        for _ in 1...3 {
            reactor.cooperator.coiterate(AnyIterator { numbers.next() }) { _ -> Deferred<Void> in
                running += 1
                most = max(most, running)
                return reactor.deferLater(.seconds(1)) { () -> Void in
                    running -= 1
                    done += 1
                }
            }
        }
        clock.advance(by: .seconds(4))
        #expect(done == 10 && most == 3)
    }

    @Test("Twenty thousand units that return fired Deferreds do not pile up")
    func manyFired() {
        let clock = FakeClock()
        var sum = 0
        clock.reactor.cooperator.coiterate(1...20_000) { number -> Deferred<Void> in
            sum += number
            return Deferred(.success(()))
        }
        clock.advance(by: .zero)
        #expect(sum == 200_010_000)
    }

    @Test("A task that is added when another one is done is begun")
    func addsAnother() {
        let clock = FakeClock()
        let cooperator = Cooperator(clock.reactor, slice: .zero)
        var done = false
        cooperator.coiterate(EmptyCollection<Int>()) { _ in }.addCallback {
            cooperator.coiterate(EmptyCollection<Int>()) { _ in }.addCallback { done = true }
        }
        clock.advance(by: .zero)
        #expect(done && clock.reactor.delayedCalls.isEmpty)
    }

    // MARK: - Ending

    @Test("What a unit throws ends its task, and so does what it returned if that fails", arguments: [false, true])
    func failing(_ later: Bool) throws {
        let bench = Bench()
        var failure: (any Error)?
        bench.task.whenDone().addErrback { failure = $0 }
        if later {
            let result = Deferred<Void>()
            bench.waitsFor = result
            bench.pass()
            #expect(failure == nil)
            try result.errback(Mishap())
        } else {
            bench.throwsNext = true
            bench.pass()
        }
        #expect(failure is Mishap)
        let error = #expect(throws: TaskFailed.self) { try bench.task.stop() }
        #expect(error?.reason is Mishap)
        #expect(bench.clock.reactor.delayedCalls.isEmpty)
    }

    @Test("A Deferred that has failed already ends the task in the same pass")
    func failedAlready() {
        let bench = Bench()
        var failure: (any Error)?
        bench.waitsFor = Deferred(.failure(Mishap()))
        bench.task.whenDone().addErrback { failure = $0 }
        bench.pass()
        #expect(failure is Mishap)
    }

    @Test("A task that is done says so to everybody who asked, and to who asks later")
    func whenDone() throws {
        let bench = Bench()
        var heard: [Int] = []
        bench.task.whenDone().addCallback { heard.append(1) }
        bench.task.whenDone().addCallback { heard.append(2) }
        bench.isExhausted = true
        bench.pass()
        bench.pass()
        #expect(heard == [1, 2])
        bench.task.whenDone().addCallback { heard.append(3) }
        #expect(heard == [1, 2, 3])
        #expect(throws: TaskDone.self) { try bench.task.stop() }
        #expect(throws: TaskDone.self) { try bench.task.pause() }
    }

    @Test("A stopped task does no more and tells who waits for it")
    func stopped() throws {
        let bench = Bench()
        var failure: (any Error)?
        bench.task.whenDone().addErrback { failure = $0 }
        try bench.task.stop()
        #expect(failure is TaskStopped && bench.clock.reactor.delayedCalls.isEmpty)
        bench.pass()
        #expect(bench.work == [])
        #expect(throws: TaskStopped.self) { try bench.task.stop() }
        #expect(throws: TaskStopped.self) { try bench.task.pause() }
    }

    @Test("A task that is stopped while it waits does not go on, and what it waited for is nobody's failure")
    func stoppedWhileWaiting() throws {
        let bench = Bench()
        let result = Deferred<Void>()
        bench.waitsFor = result
        bench.pass()
        try bench.task.stop()
        try result.errback(Mishap())
        bench.pass()
        #expect(bench.work == [1])
    }

    @Test("D2: cancelling stops the task, and what it waits for")
    func cancelled() {
        let clock = FakeClock()
        var wasCancelled = false
        let result = Deferred<Void> { _ in wasCancelled = true }
        var failure: (any Error)?
        let done = clock.reactor.cooperator.coiterate(1...10) { _ in result }
        done.addErrback { failure = $0 }
        clock.advance(by: .zero)
        done.cancel()
        #expect(wasCancelled && failure is CancelledError)
        #expect(clock.reactor.delayedCalls.isEmpty)
    }

    // MARK: - Pausing

    @Test("A paused task does nothing until it is resumed, as often as it was paused")
    func pausing() throws {
        let bench = Bench()
        #expect(throws: NotPaused.self) { try bench.task.resume() }
        try bench.task.pause()
        try bench.task.pause()
        bench.pass()
        #expect(bench.clock.reactor.delayedCalls.isEmpty)
        try bench.task.resume()
        bench.pass()
        #expect(bench.work == [])
        try bench.task.resume()
        #expect(bench.work == [])
        bench.pass()
        #expect(bench.work == [1])
        #expect(throws: NotPaused.self) { try bench.task.resume() }
    }

    @Test("A task that is paused while it waits needs both, the result and being resumed", arguments: [false, true])
    func pausedWhileWaiting(_ resumedFirst: Bool) throws {
        let bench = Bench()
        let result = Deferred<Void>()
        bench.waitsFor = result
        bench.pass()
        #expect(throws: NotPaused.self) { try bench.task.resume() }
        try bench.task.pause()
        try resumedFirst ? bench.task.resume() : result.callback(())
        bench.pass()
        #expect(bench.work == [1])
        try resumedFirst ? result.callback(()) : bench.task.resume()
        bench.pass()
        #expect(bench.work == [1, 2])
    }

    @Test("Resuming a task that was stopped meanwhile does nothing")
    func pausedAndStopped() throws {
        let bench = Bench()
        try bench.task.pause()
        try bench.task.stop()
        try bench.task.resume()
        bench.pass()
        #expect(bench.work == [])
    }

    @Test("A task may pause and stop itself", arguments: [false, true])
    func itself(_ stops: Bool) throws {
        let clock = FakeClock()
        var task: CooperativeTask?
        var units = 0
        task = clock.reactor.cooperator.cooperate(1...10) { _ in
            units += 1
            try stops ? task?.stop() : task?.pause()
        }
        clock.advance(by: .zero)
        #expect(units == 1 && clock.reactor.delayedCalls.isEmpty)
        task = nil
    }

    // MARK: - The cooperator as a whole

    @Test(
        "A cooperator that is stopped ends all tasks, waiting and paused ones too, and takes no more until it is started"
    )
    func stopsAll() throws {
        let clock = FakeClock()
        let cooperator = Cooperator(clock.reactor)
        let never = Deferred<Void>()
        var failures: [any Error] = []
        let paused = cooperator.cooperate(1...10) { _ in }
        try paused.pause()
        let tasks = [paused, cooperator.cooperate(1...10) { _ in never }, cooperator.cooperate(1...10) { _ in }]
        for task in tasks { task.whenDone().addErrback { failures.append($0) } }
        cooperator.start()
        try tasks[2].pause()
        clock.advance(by: .zero)
        try tasks[2].resume()
        #expect(cooperator.isRunning)
        cooperator.stop()
        #expect(failures.count == 3 && failures.allSatisfy { $0 is SchedulerStopped })
        #expect(!cooperator.isRunning && clock.reactor.delayedCalls.isEmpty)
        cooperator.coiterate(1...10) { _ in }.addErrback { failures.append($0) }
        #expect(failures.count == 4)
        #expect(throws: SchedulerStopped.self) { try tasks[1].stop() }

        cooperator.start()
        var done = 0
        cooperator.coiterate(1...10) { _ in done += 1 }
        clock.advance(by: .zero)
        #expect(done == 10)
    }

    @Test("A cooperator that is not started keeps its tasks until it is")
    func unstarted() {
        let clock = FakeClock()
        let cooperator = Cooperator(clock.reactor, started: false)
        var units = 0
        cooperator.cooperate(1...3) { _ in units += 1 }
        #expect(!cooperator.isRunning && clock.reactor.delayedCalls.isEmpty)
        cooperator.start()
        clock.advance(by: .zero)
        #expect(cooperator.isRunning && units == 3)
    }

    @Test("A cooperator may be stopped by who was told that a task is done")
    func stoppedByCallback() {
        let clock = FakeClock()
        let cooperator = clock.reactor.cooperator
        var ends = 0
        cooperator.coiterate(1...3) { _ in }.addCallback {
            ends += 1
            cooperator.stop()
        }
        var failure: (any Error)?
        cooperator.coiterate(1...10) { _ in }.addErrback { failure = $0 }
        clock.advance(by: .zero)
        #expect(ends == 1 && failure is SchedulerStopped)
    }

    @Test("The call for the next turn goes with the last task, and comes with the next")
    func timer() throws {
        let clock = FakeClock()
        let cooperator = Cooperator(clock.reactor)
        let tasks = (1...2).map { _ in cooperator.cooperate(1...2) { _ in } }
        #expect(clock.reactor.delayedCalls.count == 1)
        try tasks[0].stop()
        #expect(clock.reactor.delayedCalls.count == 1)
        try tasks[1].stop()
        #expect(clock.reactor.delayedCalls.isEmpty)
        cooperator.cooperate(1...2) { _ in }
        #expect(clock.reactor.delayedCalls.count == 1)
    }

    @Test("D3: a task that fails unheard is logged; one that was stopped is not")
    func unheard() throws {
        struct UnheardMishap: Error {}
        ProcessLog.install()
        do {
            let clock = FakeClock()
            clock.reactor.cooperator.cooperate(1...2) { _ in throw UnheardMishap() }
            let stopped = clock.reactor.cooperator.cooperate(1...2) { _ in }
            try stopped.stop()
            clock.advance(by: .zero)
        }
        let entries = ProcessLog.entries(with: "CooperatorTests.swift")
        #expect(entries.count { $0.text.contains("UnheardMishap") && $0.level == .error } == 1)
        #expect(!entries.contains { $0.text.contains("\(TaskStopped())") })
    }

    @Test("A cooperator of one's own is kept by its tasks, whether they have work or wait for some")
    func keptByTasks() throws {
        let clock = FakeClock()
        let result = Deferred<Void>()
        var units = 0
        do {
            let cooperator = Cooperator(clock.reactor)
            cooperator.cooperate(1...2) { _ in
                units += 1
                return result
            }
        }
        clock.advance(by: .zero)
        #expect(units == 1)
        try result.callback(())
        clock.advance(by: .zero)
        #expect(units == 2)
    }

    @Test("Tasks with work left rest when the reactor has stopped, and go on when the cooperator is started again")
    func restsWithItsReactor() throws {
        let reactor = try Reactor(options: .forTests)
        var units = 0
        let task = reactor.cooperator.cooperate(0...) { _ in
            units += 1
            if !reactor.isStopping { try reactor.stop() }
        }
        try reactor.runWatched()
        let before = units
        reactor.cooperator.start()
        try reactor.runWatched()
        #expect(units > before)
        try task.stop()
    }

    @Test("Tasks that wait for what never comes leave nothing behind")
    func noLeak() {
        final class Held {}
        weak var held: Held?
        do {
            let clock = FakeClock()
            let object = Held()
            held = object
            for _ in 0..<3 {
                clock.reactor.cooperator.cooperate(1...3) { _ -> Deferred<Void> in
                    withExtendedLifetime(object) { Deferred() }
                }
            }
            clock.advance(by: .zero)
        }
        #expect(held == nil)
    }

    @Test("R6: what a task's body held may come back to the task as it goes")
    func comesBack() throws {
        let clock = FakeClock()
        var task: CooperativeTask?
        var isDone = false
        do {
            let held = LastWords {
                #expect(throws: Never.self) { try task?.resume() }
                #expect(throws: TaskStopped.self) { try task?.pause() }
            }
            task = clock.reactor.cooperator.cooperate(0..<5) { _ in withExtendedLifetime(held) {} }
        }
        try task?.pause()
        task?.whenDone().addErrback { _ in isDone = true }
        try task?.stop()
        #expect(isDone)
    }
}
