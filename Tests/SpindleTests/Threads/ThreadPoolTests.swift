import CLinux
import Glibc
import Logging
import Testing

@testable import Spindle

/// A thread pool by itself: its threads, its queue, its figures. Rule H2 rests on it.
@Suite(.ownThreads) struct ThreadPoolTests {
    @Test("H2: jobs run on other threads, and begin in the order they were handed in")
    func order() {
        let pool = ThreadPool(size: 0...1)
        let (numbers, threads) = (Notes<Int>(), Notes<Int32>())
        for number in 0..<1000 {
            pool.callInThread {
                numbers.add(number)
                threads.add(spindle_thread_id())
            }
        }
        #expect(pool.stop(within: .seconds(20)))
        #expect(numbers.all == Array(0..<1000))
        #expect(Set(threads.all).count == 1, "more threads than the size allows")
        #expect(!threads.all.contains(spindle_thread_id()))
    }

    @Test("H2: threads are made on demand, as many as the size allows, and the figures tell what they are at")
    func figures() {
        let (pool, gate) = (ThreadPool(size: 0...3), Gate())
        #expect(pool.statistics == ThreadPool.Statistics(working: 0, idle: 0, waiting: 0, completed: 0))
        gate.close("held")
        for _ in 0..<5 { pool.callInThread { gate.pass("held") } }
        #expect(eventually { gate.names.count == 3 })
        #expect(pool.statistics == ThreadPool.Statistics(working: 3, idle: 0, waiting: 2, completed: 0))
        gate.open()
        #expect(eventually { pool.statistics.completed == 5 })
        #expect(pool.statistics == ThreadPool.Statistics(working: 0, idle: 3, waiting: 0, completed: 5))
        #expect(gate.most == 3)
        pool.callInThread {}
        #expect(eventually { pool.statistics.completed == 6 })
        #expect(pool.statistics.threads == 3, "a thread was made though others were idle")
    }

    @Test("H2: one thread is enough for jobs that come one after the other")
    func oneAfterTheOther() {
        let pool = ThreadPool()
        for number in 1...100 {
            pool.callInThread {}
            #expect(eventually { pool.statistics.completed == number })
        }
        #expect(pool.statistics.threads == 1)
    }

    @Test("H2: a job that others wait for gets a thread as long as there may be one, however they come together")
    func noJobIsForgotten() {
        let pool = ThreadPool(size: 0...10)
        for round in 0..<300 {
            let gate = Gate()
            gate.close("held")
            for _ in 0..<3 { pool.callInThread { gate.pass("held") } }
            pool.callInThread {
                while gate.names.count < 3 { usleep(10) }
                gate.open()
            }
            #expect(eventually { pool.statistics.completed == 4 * (round + 1) })
        }
    }

    @Test(
        "H2: idle threads end after a time, so many as the lower bound stay",
        arguments: [Duration.zero, .milliseconds(5)])
    func idleThreads(idleTime: Duration) {
        let pool = ThreadPool(size: 2...6, idleTime: idleTime, Logger(label: "test"))
        for round in 1...5 {
            let gate = Gate()
            gate.close("held")
            for _ in 0..<6 { pool.callInThread { gate.pass("held") } }
            #expect(eventually { pool.statistics.working == 6 })
            gate.open()
            let resting = ThreadPool.Statistics(working: 0, idle: 2, waiting: 0, completed: 6 * round)
            #expect(eventually { pool.statistics == resting })
        }
        #expect(pool.stop(within: .seconds(20)), "threads that wait without a limit were not told")
    }

    @Test("H2: a size without threads, or below zero, allows for one")
    func sizes() {
        #expect(ThreadPool().size == 0...10)
        #expect(ThreadPool(size: 0...0).size == 0...1)
        #expect(ThreadPool(size: -5 ... -2).size == 0...1)
        let pool = ThreadPool(size: 12...22)
        #expect(pool.size == 12...22)
        pool.size = 3...3
        #expect(pool.size == 3...3)
    }

    @Test("H2: a pool that is made larger begins jobs that wait; made smaller it lets threads go after their job")
    func resizing() {
        let (pool, gate) = (ThreadPool(size: 0...1), Gate())
        gate.close("held")
        for _ in 0..<6 { pool.callInThread { gate.pass("held") } }
        #expect(eventually { pool.statistics.working == 1 })
        pool.size = 0...4
        #expect(eventually { gate.names.count == 4 })
        #expect(pool.statistics == ThreadPool.Statistics(working: 4, idle: 0, waiting: 2, completed: 0))
        pool.size = 0...2
        gate.open()
        #expect(eventually { pool.statistics == ThreadPool.Statistics(working: 0, idle: 2, waiting: 0, completed: 6) })
        pool.size = 0...1
        #expect(eventually { pool.statistics.threads == 1 }, "an idle thread was not told")
    }

    @Test("H2: what a job throws is logged, with its place, and the thread goes on")
    func errors() {
        struct Broken: Error {}
        let log = CapturedLog()
        let pool = ThreadPool(size: 0...1, logger: log.logger)
        pool.callInThread { throw Broken() }
        let line = #line - 1
        let notes = Notes<Int>()
        pool.callInThread { notes.add(1) }
        #expect(pool.stop(within: .seconds(20)))
        #expect(notes.all == [1])
        #expect(log.lines == ["error: callInThread at SpindleTests/ThreadPoolTests.swift:\(line): Broken()"])
    }

    @Test("H2: what a job holds is let go when it is done, though the thread waits for more")
    func released() {
        final class Held: Sendable {}
        let pool = ThreadPool(size: 0...1)
        weak var watched: Held?
        do {
            let held = Held()
            watched = held
            pool.callInThread { withExtendedLifetime(held) {} }
        }
        #expect(eventually { pool.statistics.idle == 1 && watched == nil })
    }

    @Test("H2: the threads take no signals")
    func signals() {
        let (pool, masked) = (ThreadPool(), Notes<Bool>())
        pool.callInThread {
            var mask = sigset_t()
            pthread_sigmask(SIG_SETMASK, nil, &mask)
            masked.add([SIGINT, SIGTERM, SIGHUP, SIGCHLD].allSatisfy { sigismember(&mask, $0) == 1 })
        }
        #expect(pool.stop(within: .seconds(20)))
        #expect(masked.all == [true])
    }

    @Test("H2: without a thread from the kernel jobs fail; with some, they wait for those")
    func noThreads() {
        let (allowed, failures) = (Lock(0), Notes<String>())
        let workers = Workers(size: 0...4, idleTime: .seconds(10)) { body in
            guard allowed.withLock({ $0 > 0 }) else { return SystemError(EAGAIN, "pthread_create") }
            allowed.withLock { $0 -= 1 }
            return DetachedThread.start(body)
        }
        let gate = Gate()
        func add() {
            _ = workers.add(
                Workers.Job(origin: Origin(fileID: #fileID, line: #line)) { refusal in
                    if let refusal { failures.add("\(refusal)") } else { gate.pass("held") }
                })
        }
        add()
        #expect(failures.all == ["\(SystemError(EAGAIN, "pthread_create"))"])
        #expect(workers.statistics == ThreadPool.Statistics(working: 0, idle: 0, waiting: 0, completed: 0))
        allowed.withLock { $0 = 1 }
        gate.close("held")
        for _ in 0..<3 { add() }
        #expect(eventually { gate.names.count == 1 })
        gate.open()
        #expect(eventually { workers.statistics.completed == 3 })
        #expect(failures.all.count == 1)
        workers.close()
    }

    @Test("a pool that goes away does the jobs it has, and leaves no threads")
    func goesAway() {
        let gate = Gate()
        weak var workers: Workers?
        do {
            let pool = ThreadPool(size: 1...2)
            workers = pool.workers
            gate.close("held")
            for _ in 0..<5 { pool.callInThread { gate.pass("held") } }
        }
        gate.open()
        #expect(eventually { gate.names.count == 5 && workers == nil })
    }
}
