import Testing

@testable import Spindle

/// Stopping a thread pool: rule R4 rests on it.
@Suite(.ownThreads) struct ThreadPoolStopTests {
    @Test("R4: stopping waits for the jobs that were handed in, also for those that have not begun")
    func waits() {
        let (pool, numbers) = (ThreadPool(size: 0...2), Notes<Int>())
        for number in 0..<100 { pool.callInThread { numbers.add(number) } }
        #expect(pool.stop(within: .seconds(20)))
        #expect(numbers.all.sorted() == Array(0..<100))
        #expect(pool.statistics == ThreadPool.Statistics(working: 0, idle: 0, waiting: 0, completed: 100))
    }

    @Test("R4: one stuck job holds it up no longer than the limit; it is logged, and jobs behind it are dropped")
    func stuck() {
        let (log, gate) = (CapturedLog(), Gate())
        let pool = ThreadPool(size: 0...1, logger: log.logger)
        gate.close("stuck")
        pool.callInThread { gate.pass("stuck") }
        let line = #line - 1
        pool.callInThread { gate.pass("dropped") }
        #expect(eventually { gate.names == ["stuck"] })
        let before = ContinuousClock.now
        #expect(!pool.stop(within: .milliseconds(50)))
        let took = ContinuousClock.now - before
        #expect(took >= .milliseconds(50) && took < .seconds(10), "\(took)")
        let file = "SpindleTests/ThreadPoolStopTests.swift"
        #expect(
            log.lines == [
                "error: callInThread at \(file):\(line + 2): \(ThreadPoolStopped())",
                "error: callInThread at \(file):\(line): \(ThreadPoolStopped())",
                "warning: the thread pool was stopped with jobs under way, handed in at \(file):\(line)",
            ])
        gate.open()
        #expect(eventually { pool.statistics.threads == 0 })
        #expect(gate.names == ["stuck"], "what was dropped was done")
    }

    @Test("R4: a pool that was stopped takes no more jobs, and says so")
    func refuses() {
        let (log, notes) = (CapturedLog(), Notes<Int>())
        let pool = ThreadPool(logger: log.logger)
        #expect(pool.stop(within: .zero), "there was nothing to wait for")
        pool.callInThread { notes.add(1) }
        #expect(log.lines.count == 1)
        #expect(log.lines[0].hasSuffix("\(ThreadPoolStopped())"))
        pool.size = 3...5
        #expect(pool.statistics.threads == 0)
        #expect(notes.all.isEmpty)
    }

    @Test("R4: stopping twice, and from two threads at once, is as good as once")
    func twice() {
        let (pool, gate, ends) = (ThreadPool(size: 3...3), Gate(), Notes<Bool>())
        gate.close("held")
        pool.callInThread { gate.pass("held") }
        #expect(eventually { gate.names == ["held"] })
        let threads = (0..<3).map { _ in ScriptThread { ends.add(pool.stop(within: .seconds(20))) } }
        #expect(!pool.stop(within: .zero), "it is still held")
        gate.open()
        for thread in threads { thread.join() }
        #expect(ends.all == [true, true, true])
        #expect(pool.stop(within: .seconds(20)))
    }

    @Test("R4: a job handed in by a job is done, or refused once the pool takes no more")
    func jobsOfJobs() {
        let log = CapturedLog()
        let (pool, gate, notes) = (ThreadPool(size: 0...1, logger: log.logger), Gate(), Notes<String>())
        gate.close("first")
        pool.callInThread {
            pool.callInThread { notes.add("second") }
            gate.pass("first")
            pool.callInThread { notes.add("too late") }
        }
        #expect(eventually { gate.names == ["first"] })
        let stopper = ScriptThread { pool.stop(within: .seconds(20)) }
        #expect(eventually { pool.workers.isClosed })
        gate.open()
        stopper.join()
        #expect(notes.all == ["second"])
        #expect(log.lines.count == 1)
    }
}
