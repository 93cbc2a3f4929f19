import CLinux
import Testing

@testable import Spindle

/// Rule H2: work on threads, and its result back on the reactor.
@Suite(.ownThreads) struct DeferToThreadTests {
    struct Broken: Error, Equatable {}

    @Test("H2: the work is done on another thread, the result comes on the reactor's")
    func result() throws {
        let reactor = try Reactor(options: .forTests)
        let home = spindle_thread_id()
        var seen: (worker: Int32, callback: Int32)?
        reactor.deferToThread { spindle_thread_id() }.addCallback { worker in
            seen = (worker, spindle_thread_id())
            try reactor.stop()
        }
        try reactor.runWatched()
        #expect(seen.map { $0.worker != home && $0.callback == home } == true)
    }

    @Test("H2: what the work throws is the Deferred's failure, also after one that succeeded")
    func failure() throws {
        let reactor = try Reactor(options: .forTests)
        var failure: (any Error)?
        reactor.deferToThread {}
            .addCallback { reactor.deferToThread { throw Broken() } }
            .addErrback { error in
                failure = error
                try reactor.stop()
            }
        try reactor.runWatched()
        #expect(failure as? Broken == Broken())
    }

    @Test("H2: a result that is not Sendable, made on the thread, is the reactor's from then on")
    func notSendable() throws {
        final class Tree {
            var children: [Tree] = []
        }
        let reactor = try Reactor(options: .forTests)
        var tree: Tree?
        reactor.run(
            whenDone: reactor.deferToThread { () -> Tree in
                let root = Tree()
                for _ in 0..<1000 { root.children.append(Tree()) }
                return root
            }
        ) { tree = $0 }
        try reactor.runWatched()
        #expect(tree?.children.count == 1000)
    }

    @Test("H2: many at once, each with its own result")
    func many() throws {
        let reactor = try Reactor(options: .forTests)
        var sum = 0
        var done = 0
        for number in 1...5000 {
            reactor.deferToThread { number * 2 }.addCallback { double in
                #expect(double == number * 2)
                sum += double
                done += 1
                if done == 5000 { try reactor.stop() }
            }
        }
        try reactor.runWatched()
        #expect(sum == 5000 * 5001)
    }

    @Test("H2: work begins before the reactor runs; the result waits for that")
    func beforeRunning() throws {
        let reactor = try Reactor(options: .forTests)
        var fired = false
        let answer = reactor.deferToThread { 7 }
        reactor.run(whenDone: answer) { fired = $0 == 7 }
        #expect(eventually { reactor.threadPool.statistics.completed == 1 })
        #expect(!fired && !answer.hasFired)
        try reactor.runWatched()
        #expect(fired)
    }

    @Test("H2: cancelling work that has not begun drops it, cancelling work under way drops its result; both at once")
    func cancelling() throws {
        var options = Reactor.Options.forTests
        options.threadPoolSize = 0...1
        let reactor = try Reactor(options: options)
        let gate = Gate()
        gate.close("begun")
        var outcome: [String] = []
        func start(_ name: String) -> Deferred<Void> {
            reactor.deferToThread { gate.pass(name) }.addBoth { result in
                outcome.append("\(name): \(result.failure.map { "\($0)" } ?? "done")")
            }
        }
        let (begun, waiting, last) = (start("begun"), start("waiting"), start("last"))
        reactor.poll {
            guard gate.names == ["begun"] else { return false }
            waiting.cancel()
            begun.cancel()
            #expect(outcome == ["waiting: cancelled", "begun: cancelled"], "not at once")
            #expect(reactor.threadPool.statistics.waiting == 1)
            gate.open()
            last.addCallback { try reactor.stop() }
            return nil
        }
        try reactor.runWatched()
        #expect(outcome == ["waiting: cancelled", "begun: cancelled", "last: done"])
        #expect(gate.names == ["begun", "last"], "what was dropped was done")
    }

    @Test("H2: what dropped work holds is let go at once")
    func cancelledIsReleased() throws {
        final class Held: Sendable {}
        var options = Reactor.Options.forTests
        options.threadPoolSize = 0...1
        let reactor = try Reactor(options: options)
        let gate = Gate()
        gate.close("held")
        reactor.callInThread { gate.pass("held") }
        weak var watched: Held?
        do {
            let held = Held()
            watched = held
            let waiting = reactor.deferToThread { withExtendedLifetime(held) {} }
            waiting.addErrback { _ in }
            waiting.cancel()
        }
        #expect(watched == nil)
        gate.open()
    }

    @Test("H2: awaiting it stays on the reactor's thread, and a cancelled task cancels it")
    func awaiting() throws {
        let reactor = try Reactor(options: .forTests)
        let gate = Gate()
        gate.close("slow")
        var seen: [String] = []
        try reactor.run {
            let home = spindle_thread_id()
            let answer = try await reactor.deferToThread { 6 * 7 }.value()
            seen.append("\(answer), at home \(home == spindle_thread_id())")
            do {
                try await reactor.deferToThread { throw Broken() }.value()
            } catch {
                seen.append("\(error)")
            }
            let task = reactor.spawn { try await reactor.deferToThread { gate.pass("slow") }.value() }
            try await reactor.until { gate.names == ["slow"] }
            task.cancel()
            do { try await task.value() } catch { seen.append("\(error)") }
            gate.open()
        }
        #expect(seen == ["42, at home true", "Broken()", "cancelled"])
    }

    @Test("H2: slow work on all threads keeps no look-up of a name waiting")
    func namesAreLookedUp() throws {
        var options = Reactor.Options.forTests
        options.threadPoolSize = 0...2
        let reactor = try Reactor(options: options)
        let gate = Gate()
        gate.close("slow")
        for _ in 0..<4 { reactor.callInThread { gate.pass("slow") } }
        var addresses: [SocketAddress] = []
        reactor.poll {
            guard reactor.threadPool.statistics.working == 2 else { return false }
            reactor.resolver.resolve("localhost", port: 7, .ipv4, on: reactor).addBoth { result in
                addresses = (try? result.get()) ?? []
                #expect(reactor.threadPool.statistics.working == 2)
                gate.open()
                try reactor.stop()
            }
            return nil
        }
        try reactor.runWatched()
        #expect(addresses == [try SocketAddress("127.0.0.1", port: 7)])
    }

    @Test("H2: a pool shared by two reactors brings each its own results, on its own thread")
    func shared() throws {
        let pool = ThreadPool(size: 0...4)
        let counts = Notes<Int>()
        let threads = (0..<2).map { which in
            ScriptThread {
                do {
                    let reactor = try Reactor(options: .forTests)
                    let home = spindle_thread_id()
                    var count = 0
                    for number in 0..<500 {
                        reactor.deferToThreadPool(pool) { (which, number) }.addCallback { result in
                            #expect(result == (which, number))
                            #expect(home == spindle_thread_id())
                            count += 1
                            if count == 500 { try reactor.stop() }
                        }
                    }
                    try reactor.runWatched()
                    counts.add(count)
                } catch {
                    Issue.record(error)
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(counts.all == [500, 500])
        #expect(pool.statistics.completed == 1000)
        #expect(pool.stop(within: .seconds(20)))
    }

    @Test("H2: callInThread runs on a thread of the pool; the size of that is an option and can be changed")
    func callInThread() throws {
        var options = Reactor.Options.forTests
        options.threadPoolSize = 0...4
        let reactor = try Reactor(options: options)
        #expect(reactor.threadPool.size == 0...4)
        reactor.threadPool.size = 0...34
        #expect(reactor.threadPool.size == 0...34)
        let home = spindle_thread_id()
        let threads = Notes<Int32>()
        let handle = reactor.handle
        reactor.callInThread {
            threads.add(spindle_thread_id())
            #expect(!handle.isCurrent)
            handle.callFromThread { reactor in
                threads.add(spindle_thread_id())
                try reactor.stop()
            }
        }
        try reactor.runWatched()
        #expect(threads.all.count == 2)
        #expect(threads.all.first != home && threads.all.last == home)
    }
}

extension Reactor {
    /// Hands a result to `body`, and stops.
    fileprivate func run<Value>(whenDone deferred: Deferred<Value>, _ body: @escaping (Value) -> Void) {
        deferred.addBoth { [unowned self] result in
            switch result {
            case .success(let value): body(value)
            case .failure(let error): Issue.record(error)
            }
            try stop()
        }
    }
}
