import Testing

@testable import Spindle

/// Rule R4: what becomes of work on threads when the reactor stops.
@Suite(.ownThreads) struct ReactorThreadStopTests {
    @Test("R4: a stopping reactor waits for work on its threads, and delivers the results before its last triggers")
    func waits() throws {
        let reactor = try Reactor(options: .forTests)
        let gate = Gate()
        gate.close("slow")
        var seen: [String] = []
        reactor.addSystemEventTrigger(.after, .shutdown) { seen.append("closed down") }
        for number in 1...3 {
            reactor.deferToThread { gate.pass("slow") }.addCallback { seen.append("done") }
                .addErrback { error in seen.append("\(number): \(error)") }
        }
        reactor.poll {
            guard gate.names.count == 3 else { return false }
            try reactor.stop()
            // While it waits the loop goes on.
            reactor.callLater(.milliseconds(5)) { gate.open() }
            return nil
        }
        try reactor.runWatched()
        #expect(seen == ["done", "done", "done", "closed down"])
    }

    @Test("R4: work that a last connectionLost begins is done")
    func lastWish() throws {
        let reactor = try Reactor(options: .forTests)
        var saved = false
        let subject = Recorder()
        var isLost = false
        subject.onLost = { me in
            isLost = true
            me.reactor.deferToThread { 1 }.addCallback { _ -> Void in saved = true }
        }
        var next: Recorder? = subject
        let port = try reactor.listenTCP(0, Factory { next.take() }, interface: "127.0.0.1")
        subject.onMade = { me in try me.reactor.stop() }
        let peer = try Peer.connect(to: port.address)
        try reactor.runWatched()
        withExtendedLifetime(peer) {}
        #expect(isLost && saved)
    }

    @Test(
        "R4: stuck work does not hold up the end beyond its time; its Deferred fails, what waits behind it is dropped")
    func stuck() throws {
        let log = CapturedLog()
        var options = Reactor.Options.forTests
        options.logger = log.logger
        options.threadPoolSize = 0...1
        options.shutdownGrace = .milliseconds(50)
        let reactor = try Reactor(options: options)
        let gate = Gate()
        gate.close("stuck")
        var failures: [any Error] = []
        for name in ["stuck", "dropped"] {
            reactor.deferToThread { gate.pass(name) }.addErrback { error in failures.append(error) }
        }
        reactor.poll { gate.names == ["stuck"] }
        let before = ContinuousClock.now
        try reactor.runWatched()
        #expect(ContinuousClock.now - before < .seconds(10))
        #expect(failures.map { $0 is ThreadPoolStopped } == [true, true])
        #expect(log.lines.filter { $0.contains("jobs under way") }.count == 1)
        // Its late result finds nobody, in a later run neither.
        let pool = reactor.threadPool
        gate.open()
        try reactor.run { try await reactor.deferToThread {}.value() }
        #expect(failures.count == 2)
        #expect(gate.names == ["stuck"], "what was dropped was done")
        #expect(pool.workers.isClosed)
    }

    @Test("R4: the threads are gone when run() returns; a reactor that runs again has new ones")
    func runsAgain() throws {
        let reactor = try Reactor(options: .forTests)
        for round in 1...3 {
            weak var workers: Workers?
            var (answer, threadsLeft) = (0, -1)
            reactor.addSystemEventTrigger(.after, .shutdown) { threadsLeft = workers?.statistics.threads ?? 0 }
            try reactor.run {
                answer = try await reactor.deferToThread { round }.value()
                workers = reactor.threadPool.workers
                #expect(workers?.isClosed == false)
            }
            #expect(answer == round)
            #expect(threadsLeft == 0)
            #expect(eventually { workers == nil }, "the reactor keeps a pool that has ended")
        }
    }

    @Test("R4: work that is begun while the threads end is refused, once and for all")
    func tooLate() throws {
        var options = Reactor.Options.forTests
        options.threadPoolSize = 0...1
        let reactor = try Reactor(options: options)
        let gate = Gate()
        gate.close("slow")
        var (attempts, refused) = (0, 0)
        func tryAgain() {
            attempts += 1
            guard attempts < 5 else { return }
            reactor.deferToThread { gate.pass("again") }.addErrback { error in
                #expect(error is ThreadPoolStopped)
                refused += 1
                tryAgain()
            }
        }
        reactor.deferToThread { gate.pass("slow") }.addCallback(tryAgain)
        reactor.poll {
            if !reactor.isStopping, gate.names == ["slow"] { try reactor.stop() }
            guard reactor.threadPool.workers.isClosed else { return false }
            gate.open()
            return nil
        }
        try reactor.runWatched()
        #expect(refused == 4)
        #expect(gate.names == ["slow"])
    }

    @Test("a reactor that goes away without having run leaves no threads")
    func neverRun() throws {
        weak var workers: Workers?
        weak var unanswered: Deferred<Int>?
        do {
            let reactor = try Reactor(options: .forTests)
            let answer = reactor.deferToThread { 1 }
            answer.addBoth { _ in _ = Issue.record("told, without a reactor") }
            unanswered = answer
            workers = reactor.threadPool.workers
        }
        #expect(eventually { workers == nil && unanswered == nil })
    }

    @Test(
        "R4: a job that the last triggers hand in is refused, also if it would be the first", arguments: [true, false])
    func lastTriggers(isFirst: Bool) throws {
        let reactor = try Reactor(options: .forTests)
        if !isFirst { reactor.callInThread {} }
        var refused = 0
        reactor.addSystemEventTrigger(.after, .shutdown) {
            reactor.deferToThread { _ = Issue.record("nobody would wait for this") }
                .addErrback { error in
                    #expect(error is ThreadPoolStopped)
                    refused += 1
                }
        }
        reactor.callWhenRunning { try reactor.stop() }
        try reactor.runWatched()
        #expect(refused == 1)
    }
}
