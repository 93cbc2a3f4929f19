import CLinux
import Testing

@testable import Spindle

/// Calls into a reactor whose answer a thread or a task waits for. Rule H3, and H1 for those who wait.
@Suite(.ownThreads) struct AnswerTests {
    struct Broken: Error, Equatable {}

    @Test("H1: a thread gets what the call returned or threw, at once or by a Deferred")
    func answers() throws {
        let reactor = try Reactor(options: .forTests)
        let (notes, handle, home) = (Notes<String>(), reactor.handle, spindle_thread_id())
        let thread = ScriptThread {
            do {
                let onLoop = try handle.blockingCallFromThread { reactor in
                    reactor.isRunning && spindle_thread_id() == home
                }
                notes.add("\(onLoop)")
                notes.add(try handle.blockingCallFromThread { _ in Deferred(.success("foo")) })
                notes.add(
                    try handle.blockingCallFromThread { reactor in
                        reactor.sleep(.milliseconds(1)).addCallback { "egg" }
                    })
                try handle.blockingCallFromThread { reactor in #expect(reactor.handle === handle) }
            } catch {
                Issue.record(error)
            }
            #expect(throws: Broken()) { try handle.blockingCallFromThread { _ in throw Broken() } }
            #expect(throws: Broken()) { try handle.blockingCallFromThread { _ in Deferred<Int>(.failure(Broken())) } }
            #expect(throws: Broken()) {
                try handle.blockingCallFromThread { reactor in
                    reactor.sleep(.milliseconds(1)).addCallback { throw Broken() }
                }
            }
            handle.stop()
        }
        try reactor.runWatched()
        thread.join()
        #expect(notes.all == ["true", "foo", "egg"])
    }

    @Test("H3: on the reactor's own thread it throws at once, whether that runs or not")
    func ownThread() throws {
        let reactor = try Reactor(options: .forTests)
        let handle = reactor.handle
        var thrown: [any Error] = []
        func call() {
            do { try handle.blockingCallFromThread { _ in _ = Issue.record("called") } } catch { thrown.append(error) }
        }
        call()
        reactor.callWhenRunning {
            call()
            try reactor.stop()
        }
        try reactor.runWatched()
        call()
        #expect(thrown.map { $0 is CalledOnReactorThread } == [true, true, true])
    }

    @Test("H1: a call made before run() waits for that")
    func beforeRunning() throws {
        let reactor = try Reactor(options: .forTests)
        let (handle, notes) = (reactor.handle, Notes<Int>())
        let thread = ScriptThread {
            notes.add((try? handle.blockingCallFromThread { _ in 5 }) ?? -1)
            handle.stop()
        }
        #expect(eventually { handle.queue.hasWork })
        #expect(notes.all.isEmpty)
        try reactor.runWatched()
        thread.join()
        #expect(notes.all == [5])
    }

    @Test("H3: nobody waits for a reactor that has stopped, and one that runs again answers again")
    func afterStopping() throws {
        let reactor = try Reactor(options: .forTests)
        let handle = reactor.handle
        for round in 1...3 {
            let answer = Lock(0)
            var thread: ScriptThread?
            reactor.callWhenRunning {
                thread = ScriptThread {
                    let value = try? handle.blockingCallFromThread { _ in round }
                    answer.withLock { $0 = value ?? -1 }
                    handle.stop()
                }
            }
            try reactor.runWatched()
            thread?.join()
            #expect(answer.withLock { $0 } == round)
            ScriptThread {
                #expect(throws: ReactorNotRunning()) {
                    try handle.blockingCallFromThread { _ in _ = Issue.record("called") }
                }
            }.join()
        }
    }

    @Test("H3: who waits for a Deferred that has not fired when the reactor ends is told so")
    func endsMeanwhile() throws {
        let reactor = try Reactor(options: .forTests)
        let handle = reactor.handle
        let never = reactor.bound(Deferred<Int>())
        let thread = ScriptThread {
            #expect(throws: ReactorNotRunning()) {
                try handle.blockingCallFromThread { reactor in
                    try reactor.stop()
                    return never.value(on: reactor)
                }
            }
        }
        try reactor.runWatched()
        thread.join()
        // Late, for nobody.
        try never.value(on: reactor).callback(1)
    }

    @Test("H3: who waits for a reactor that goes away without having run is told so")
    func goesAway() throws {
        var reactor: Reactor? = try Reactor(options: .forTests)
        let handle = try #require(reactor?.handle)
        let thread = ScriptThread {
            #expect(throws: ReactorNotRunning()) {
                try handle.blockingCallFromThread { _ in _ = Issue.record("called") }
            }
        }
        #expect(eventually { handle.queue.hasWork })
        reactor = nil
        thread.join()
    }

    @Test("H3: whenever a reactor stops, each call is made and answered, or not made and refused")
    func stoppingAtAnyTime() throws {
        let reactor = try Reactor(options: .forTests)
        let handle = reactor.handle
        for round in 0..<50 {
            let (made, answered) = (Lock(0), Lock(0))
            var threads: [ScriptThread] = []
            reactor.callWhenRunning {
                threads = (0..<4).map { _ in
                    ScriptThread {
                        while (try? handle.blockingCallFromThread({ _ in made.withLock { $0 += 1 } })) != nil {
                            answered.withLock { $0 += 1 }
                        }
                    }
                }
                reactor.callLater(.microseconds(50 * round)) { try reactor.stop() }
            }
            try reactor.runWatched()
            for thread in threads { thread.join() }
            #expect(made.withLock { $0 } == answered.withLock { $0 })
        }
    }

    @Test("R4: work on a thread that waits for the reactor gets its answers while the reactor stops")
    func whileStopping() throws {
        let reactor = try Reactor(options: .forTests)
        let handle = reactor.handle
        var answer = 0
        reactor.deferToThread {
            try handle.blockingCallFromThread { reactor in try reactor.stop() }
            while try handle.blockingCallFromThread({ reactor in reactor.ownThreadPool?.workers.isClosed }) == false {}
            return try handle.blockingCallFromThread { _ in 7 }
        }.addCallback { answer = $0 }.addErrback { error in _ = Issue.record(error) }
        try reactor.runWatched()
        #expect(answer == 7)
    }

    // MARK: - Tasks

    @Test("H1: a task that runs anywhere gets what the call returned or threw, at once or by a Deferred")
    func taskAnswers() throws {
        let reactor = try Reactor(options: .forTests)
        let (handle, home) = (reactor.handle, spindle_thread_id())
        try reactor.run {
            let answers = try await Task.detached {
                let onLoop = try await handle.callFromTask { _ in spindle_thread_id() == home }
                let slept = try await handle.callFromTask { reactor in
                    reactor.spawn {
                        try await reactor.sleep(.milliseconds(1)).value()
                        return spindle_thread_id() == home
                    }
                }
                do { try await handle.callFromTask { _ in throw Broken() } } catch is Broken { return [onLoop, slept] }
                return []
            }.value
            #expect(answers == [true, true])
        }
    }

    @Test("H4: a task of the reactor's own may wait for it, and stays on its thread; so does another reactor's")
    func ownTask() throws {
        let reactor = try Reactor(options: .forTests)
        let (handle, threads) = (reactor.handle, Notes<Int32>())
        let other = ScriptThread {
            do {
                let reactor = try Reactor(options: .forTests)
                try reactor.run {
                    threads.add(spindle_thread_id())
                    threads.add(try await handle.callFromTask { _ in spindle_thread_id() })
                    threads.add(spindle_thread_id())
                }
            } catch {
                Issue.record(error)
            }
        }
        let home = spindle_thread_id()
        try reactor.run {
            #expect(try await handle.callFromTask { _ in spindle_thread_id() } == home)
            #expect(spindle_thread_id() == home)
            try await reactor.until { threads.all.count == 3 }
        }
        other.join()
        #expect(threads.all.count == 3 && threads.all[0] == threads.all[2] && threads.all[1] == home)
    }

    @Test("H1: cancelling a task drops its call if that was not made, else cancels the Deferred")
    func cancelling() throws {
        let reactor = try Reactor(options: .forTests)
        let (handle, notes) = (reactor.handle, Notes<String>())
        func wait(_ name: String, _ task: Task<Void, any Error>) {
            Task.detached {
                do { try await task.value } catch { notes.add("\(name): \(error)") }
            }
        }
        let early = Task.detached { try await handle.callFromTask { _ in notes.add("made") } }
        early.cancel()
        wait("early", early)
        let late = Task.detached {
            try await handle.callFromTask { reactor in
                notes.add("waiting")
                return Deferred<Void>(canceller: { _ in notes.add("Deferred cancelled") })
            }
        }
        wait("late", late)
        reactor.poll {
            guard notes.all.contains("early: cancelled"), notes.all.contains("waiting") else { return false }
            late.cancel()
            return notes.all.count == 4
        }
        #expect(eventually { notes.all.contains("early: cancelled") })
        try reactor.runWatched()
        #expect(Set(notes.all) == ["early: cancelled", "waiting", "late: cancelled", "Deferred cancelled"])
    }

    @Test("H3: a task that waits when the reactor ends is told so, and so is one that comes later")
    func taskAndEnd() throws {
        let reactor = try Reactor(options: .forTests)
        let (handle, refused) = (reactor.handle, Notes<Bool>())
        @Sendable func call() async {
            do {
                try await handle.callFromTask { reactor in
                    if !reactor.isStopping { try reactor.stop() }
                    return Deferred<Void>()
                }
            } catch {
                refused.add(error is ReactorNotRunning)
            }
        }
        Task.detached {
            await call()
            await call()
        }
        try reactor.runWatched()
        #expect(eventually { refused.all.count == 2 })
        #expect(refused.all == [true, true])
    }
}
