import CLinux
import Glibc
import Spindle
import Synchronization
import Testing

/// Rules H1 and H4 of the contract.
@Suite(.ownThreads) struct ThreadTests {
    @Test("H1: calls from threads arrive in order and wake the loop, also when made before run()")
    func callFromThread() throws {
        let reactor = try Reactor(options: .forTests)
        let handle = reactor.handle
        let arrived = reactor.bound(Arrivals())
        handle.callFromThread { arrived.value(on: $0).numbers.append(-1) }
        var thread: ScriptThread?
        reactor.callWhenRunning {
            thread = ScriptThread {
                for number in 0..<10_000 {
                    handle.callFromThread { reactor in
                        arrived.value(on: reactor).numbers.append(number)
                        if number == 9_999 { try reactor.stop() }
                    }
                }
            }
        }
        try reactor.run()
        thread?.join()
        #expect(arrived.value(on: reactor).numbers == Array(-1..<10_000))
    }

    private final class Arrivals {
        var numbers: [Int] = []
    }

    @Test("H1: a worker thread writes to one chosen connection", arguments: StreamKind.allCases)
    func writeFromThread(kind: StreamKind) throws {
        let subject = Recorder()
        let workers = Workers()
        subject.onData = { me, _ in
            let bound = me.reactor.bound(me)
            workers.add {
                bound.handle.callFromThread { reactor in bound.value(on: reactor).transport.write("from a thread") }
            }
        }
        subject.onLost = { _ in workers.join() }
        let outcome = try kind.run(subject) { peer in
            try peer.send("x")
            #expect(try peer.receiveText(13) == "from a thread")
        }
        #expect(outcome.peerError == nil)
    }

    private final class Workers {
        private var threads: [ScriptThread] = []
        func add(_ body: @escaping @Sendable () -> Void) { threads.append(ScriptThread(body)) }
        func join() { for thread in threads { thread.join() } }
    }

    @Test("H1: the last release of a bound value, made elsewhere, happens on the reactor's thread")
    func releaseComesHome() throws {
        let reactor = try Reactor(options: .forTests)
        final class Witness {
            let home: pthread_t
            let onEnd: (Bool) -> Void
            init(_ onEnd: @escaping (Bool) -> Void) {
                home = pthread_self()
                self.onEnd = onEnd
            }
            deinit { onEnd(pthread_equal(home, pthread_self()) != 0) }
        }
        var endedAtHome: [Bool] = []
        for _ in 0..<100 {
            var bound: ReactorBound<Witness>? = reactor.bound(
                Witness { atHome in
                    endedAtHome.append(atHome)
                    if endedAtHome.count == 100 { try? reactor.stop() }
                })
            let carried = Lock(bound.take())
            reactor.callWhenRunning {
                ScriptThread { carried.withLock { $0 = nil } }.join()
            }
        }
        try reactor.run()
        #expect(endedAtHome == Array(repeating: true, count: 100))
    }

    @Test("H4: spawn starts at once and stays on the reactor's thread across awaits")
    func spawnStays() throws {
        let reactor = try Reactor(options: .forTests)
        var threads: [Int] = []
        var steps: [String] = []
        reactor.callWhenRunning {
            threads.append(currentThread())
            reactor.spawn {
                steps.append("started")
                threads.append(currentThread())
                try await reactor.sleep(.milliseconds(1)).value()
                threads.append(currentThread())
                await Task.yield()
                threads.append(currentThread())
                try await Task.sleep(for: .milliseconds(1))
                threads.append(currentThread())
                try await Self.helper(reactor) { threads.append(currentThread()) }
                threads.append(currentThread())
                _ = await Task.detached { 1 }.value
                threads.append(currentThread())
                try reactor.stop()
            }
            steps.append("spawn returned")
        }
        try reactor.run()
        #expect(steps == ["started", "spawn returned"])
        #expect(threads.count == 9)
        #expect(Set(threads).count == 1)
    }

    private static func helper(
        _ reactor: Reactor, isolation: isolated (any Actor)? = #isolation, _ note: () -> Void
    ) async throws {
        note()
        try await reactor.sleep(.milliseconds(1)).value()
        note()
    }

    @Test("H4: cancelling the Deferred cancels the task, and what it waits for")
    func cancelling() throws {
        let reactor = try Reactor(options: .forTests)
        var seen: [String] = []
        let deferred = reactor.spawn {
            do {
                try await reactor.sleep(.seconds(60)).value()
            } catch {
                seen.append("\(error), cancelled \(Task.isCancelled)")
                try reactor.stop()
            }
        }
        deferred.addErrback { error in seen.append("deferred: \(error)") }
        reactor.callWhenRunning { deferred.cancel() }
        try reactor.run()
        #expect(seen == ["deferred: cancelled", "cancelled, cancelled true"])
    }

    @Test("H4: stopping the reactor cancels spawned tasks and waits for their end")
    func cancelledAtStop() throws {
        let reactor = try Reactor(options: .forTests)
        var ended = false
        reactor.spawn {
            defer { ended = true }
            try await reactor.sleep(.seconds(60)).value()
        }.addErrback { _ in }
        reactor.callWhenRunning { try reactor.stop() }
        try reactor.run()
        #expect(ended)
    }

    @Test("H4: a task whose closure has a capture list stays on the thread, too, and is cancelled at stop")
    func captureList() throws {
        let reactor = try Reactor(options: .forTests)
        final class Owner {}
        let owner = Owner()
        var threads: Set<Int> = []
        var ended = false
        reactor.spawn { [weak owner] in
            defer { ended = true }
            while owner != nil {
                threads.insert(currentThread())
                try await reactor.sleep(.milliseconds(1)).value()
                threads.insert(currentThread())
                if threads.count > 1 { return }
                try await reactor.sleep(.seconds(60)).value()
            }
        }
        reactor.callLater(.milliseconds(20)) { try reactor.stop() }
        try reactor.run()
        #expect(ended)
        #expect(threads.count == 1)
        withExtendedLifetime(owner) {}
    }

    @Test("H4: a task that ignores its cancellation does not keep the reactor beyond the grace period, and is named")
    func stubbornTask() throws {
        let log = CapturedLog()
        var options = Reactor.Options.forTests
        options.logger = log.logger
        options.shutdownGrace = .milliseconds(20)
        let reactor = try Reactor(options: options)
        var mayEnd = false
        var left = 2
        // Two, since every other step of one is the word of its cancellation: the loop's last pass is followed by both kinds.
        for offset in 0..<2 {
            reactor.spawn {
                _ = try? await Deferred<Void>().value()
                for _ in 0..<offset { await Task.yield() }
                while !mayEnd { _ = try? await Deferred<Void>().value() }
                left -= 1
                if left == 0 { try reactor.stop() }
            }
        }
        reactor.callWhenRunning { try reactor.stop() }
        try reactor.run()
        #expect(
            log.lines.contains { $0.contains("tasks any longer that were spawned at SpindleTests/ThreadTests.swift") })
        // They go on when the reactor does, and have to end some time, or they are never released.
        mayEnd = true
        try reactor.runWatched()
        #expect(left == 0)
    }
}

/// Not pthread_self, which the optimizer may keep across an await; and not inlined, for the same reason.
@inline(never)
private func currentThread() -> Int { Int(spindle_thread_id()) }
