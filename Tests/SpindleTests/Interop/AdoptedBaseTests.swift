import CLibEvent
import Glibc
import Spindle
import Testing

/// Rule I1: a reactor on a C program's base, whose loop the program runs.
@Suite(.ownThreads) struct AdoptedBaseTests {
    @Test(
        "I1: ports, connections, timers, calls from threads, jobs on threads and tasks work without run(); then dispatch returns"
    )
    func everything() throws {
        let host = HostProgram()
        let reactor = try host.adopt()
        let notes = Notes<String>()
        let echo = Recorder.echo()
        var next: Recorder? = echo
        let port = try reactor.listenTCP(0, Factory { next.take() }, interface: "127.0.0.1")
        echo.whenLost = { [unowned port] in
            notes.add("lost")
            port.stopListening()
        }
        reactor.callLater(.milliseconds(2)) { notes.add("later") }
        reactor.spawn {
            try await reactor.sleep(.milliseconds(1)).value()
            notes.add("task")
        }
        reactor.deferToThread { 21 }.addCallback { notes.add("job \(2 * $0)") }
        let address = port.address
        let handle = reactor.handle
        let peer = ScriptThread {
            do {
                let peer = try Peer.connect(to: address)
                defer { peer.close() }
                try peer.send("hello")
                #expect(try peer.receiveText(5) == "hello")
                handle.callFromThread { _ in notes.add("from thread") }
            } catch { Issue.record(error) }
        }
        #expect(host.dispatch() == 1, "it has nothing left to wait for")
        peer.join()
        #expect(Set(notes.all) == ["lost", "later", "task", "job 42", "from thread"])
        reactor.invalidate()
        #expect(host.eventCount == 0)
        host.free()
    }

    @Test("I1: a dispatch that ends when the base is empty still does; so does one of the program's own events")
    func emptyDispatch() throws {
        let host = HostProgram()
        let reactor = try host.adopt()
        #expect(host.dispatch() == 1)
        var fired = 0
        host.after(milliseconds: 1) { fired += 1 }
        #expect(host.dispatch() == 1)
        #expect(fired == 1)
        reactor.invalidate()
        host.free()
    }

    @Test("I1: with keepsLoopAlive the loop goes on for calls from other threads")
    func keepsLoopAlive() throws {
        let host = HostProgram()
        let reactor = try host.adopt { $0.keepsLoopAlive = true }
        let bound = reactor.bound(host)
        let began = Handoff()
        reactor.callWhenRunning { began.finish(true) }
        let caller = ScriptThread {
            _ = began.wait()
            bound.handle.callFromThread { bound.value(on: $0).exit() }
        }
        #expect(host.dispatch() == 0)
        caller.join()
        reactor.invalidate()
        host.free()
    }

    @Test("I1: a call from a thread that comes when nothing is open waits until something is")
    func waitingCall() throws {
        let host = HostProgram()
        let reactor = try host.adopt()
        #expect(host.dispatch() == 1)
        let called = Notes<Int>()
        let handle = reactor.handle
        ScriptThread { handle.callFromThread { _ in called.add(1) } }.join()
        #expect(host.dispatch() == 1)
        #expect(called.all.isEmpty)
        reactor.callLater(.zero) {}
        #expect(host.dispatch() == 1)
        #expect(called.all == [1])
        reactor.invalidate()
        host.free()
    }

    @Test("I1: the reactor belongs to the thread that dispatches, whichever has made it")
    func anotherThread() throws {
        let host = HostProgram()
        let reactor = try host.adopt()
        let handle = reactor.handle
        let notes = Notes<Bool>()
        reactor.callWhenRunning { notes.add(handle.isCurrent) }
        reactor.callLater(.zero) { notes.add(handle.isCurrent) }
        #expect(handle.isCurrent)
        nonisolated(unsafe) let everything = (host, reactor)
        ScriptThread {
            let (host, reactor) = everything
            host.dispatch()
            #expect(handle.isCurrent)
            reactor.invalidate()
            host.free()
        }.join()
        #expect(!handle.isCurrent)
        #expect(notes.all == [true, true])
    }

    @Test(
        "I1: when the thread that dispatched has ended, the next one that asks has the reactor; one that lives keeps it"
    )
    func endedThread() throws {
        let host = HostProgram()
        let reactor = try host.adopt()
        let calls = Notes<String>()
        nonisolated(unsafe) let everything = (host, reactor)
        reactor.callLater(.zero) { calls.add("on the worker") }
        ScriptThread {
            let (host, reactor) = everything
            host.dispatch()
            #expect(reactor.handle.isCurrent)
            ScriptThread { #expect(Reactor.adopted(on: everything.0.base) == nil) }.join()
        }.join()
        #expect(!reactor.handle.isCurrent)
        #expect(Reactor.adopted(on: host.base) === reactor)
        #expect(reactor.handle.isCurrent)
        reactor.callLater(.zero) { calls.add("here") }
        reactor.handle.callFromThread { _ in calls.add("queued here") }
        host.dispatch()
        #expect(calls.all.first == "on the worker")
        #expect(Set(calls.all) == ["on the worker", "here", "queued here"])
        ScriptThread { everything.0.dispatch() }.join()
        reactor.invalidate()
        host.free()
    }

    @Test("I1: what C code calls outside any callback of ours is done in the next pass: writes, calls, timers, tasks")
    func calledDirectly() throws {
        let host = HostProgram()
        let reactor = try host.adopt()
        let recorder = Recorder()
        let peer = try recorder.serveOneOfAPair(on: reactor)
        host.poll()
        host.poll()
        #expect(recorder.events == [.made])
        var done: [String] = []
        host.after(milliseconds: 0) {
            recorder.transport.write("one ")
            recorder.transport.write("two")
            reactor.inNextPass { done.append("call") }
            reactor.callLater(.zero) { done.append("timer") }
            reactor.spawn {
                await Task.yield()
                done.append("task")
            }
            #expect(done.isEmpty)
        }
        host.poll()
        #expect(done.isEmpty)
        for _ in 0..<4 { host.poll() }
        #expect(Set(done) == ["call", "timer", "task"])
        #expect(try peer.receiveText(7) == "one two")
        peer.close()
        #expect(host.dispatch() == 1)
        #expect(recorder.losses == 1)
        reactor.invalidate()
        host.free()
    }

    @Test("R3: on an adopted base, too, what a pass queues runs in a later one, though a turn is due in the same")
    func laterPass() throws {
        let host = HostProgram()
        let reactor = try host.adopt()
        host.poll()
        var order: [String] = []
        let (first, second) = (try Peer.pair(), try Peer.pair())
        try first.1.send("x")
        try second.1.send("x")
        // Both are served in one pass, whichever goes first.
        for pair in [first, second] {
            host.whenReadable(pair.0.descriptor) {
                _ = try? pair.0.receive(1)
                order.append("I/O")
                reactor.inNextPass { order.append("call") }
                reactor.callLater(.zero) { order.append("timer") }
            }
        }
        // The turn that this asks for comes in the pass that serves them.
        reactor.inNextPass { order.append("early call") }
        host.poll()
        #expect(order == ["I/O", "I/O", "early call"])
        host.poll()
        host.poll()
        #expect(order.dropFirst(3).filter { $0 == "call" }.count == 2)
        #expect(order.dropFirst(3).filter { $0 == "timer" }.count == 2)
        for pair in [first, second] {
            pair.0.close()
            pair.1.close()
        }
        reactor.invalidate()
        host.free()
    }

    @Test("R3: calls and timers that queue themselves for ever do not keep the program's own events from their turn")
    func starvation() throws {
        let host = HostProgram()
        let reactor = try host.adopt()
        func call() { reactor.inNextPass(call) }
        func timer() { reactor.callLater(.zero, timer) }
        func task() { reactor.spawn { while !Task.isCancelled { await Task.yield() } } }
        call()
        timer()
        task()
        host.after(milliseconds: 5) { host.exit() }
        #expect(host.dispatch() == 0)
        reactor.invalidate()
        #expect(host.eventCount == 0)
        host.free()
    }

    @Test("I1: run() runs the program's loop as well; loopexit by C stops it, in good order")
    func run() throws {
        let host = HostProgram()
        let reactor = try host.adopt()
        var order: [String] = []
        reactor.addSystemEventTrigger(.before, .startup) { order.append("startup") }
        reactor.addSystemEventTrigger(.after, .shutdown) { order.append("shutdown") }
        host.after(milliseconds: 1) {
            order.append("C")
            host.exit()
        }
        try reactor.runWatched()
        #expect(order == ["startup", "C", "shutdown"])
        // And again.
        reactor.callWhenRunning { try reactor.stop() }
        try reactor.runWatched()
        reactor.invalidate()
        host.free()
    }

    @Test("R2: run() inside a callback of the reactor, or of C's loop, is an error")
    func nestedRun() throws {
        let host = HostProgram()
        let reactor = try host.adopt()
        reactor.callLater(.zero) { #expect(throws: ReactorAlreadyRunning.self) { try reactor.run() } }
        host.dispatch()
        reactor.invalidate()
        #expect(throws: ReactorInvalidated.self) { try reactor.run() }
        host.free()
    }

    @Test("R4: stop() closes what is open in its three phases; C's loop goes on, and the reactor may be used again")
    func stop() throws {
        let host = HostProgram()
        let reactor = try host.adopt()
        let recorder = Recorder()
        let peer = try recorder.serveOneOfAPair(on: reactor)
        try reactor.listenTCP(0, Factory { Recorder() }, interface: "127.0.0.1")
        var order: [String] = []
        for phase in [SystemEventPhase.before, .during, .after] {
            reactor.addSystemEventTrigger(phase, .shutdown) { order.append("\(phase)") }
        }
        recorder.onLost = { _ in order.append("lost") }
        recorder.onMade = { me in
            me.transport.write("bye")
            try reactor.stop()
        }
        var ticks = 0
        let ticking = host.after(milliseconds: 1, repeats: true) { ticks += 1 }
        while ticks < 3 || order.last != "after" { host.poll() }
        #expect(order == ["before", "during", "lost", "after"])
        #expect(!reactor.isRunning)
        #expect(try peer.receiveToEnd() == Array("bye".utf8))
        peer.close()
        event_del(ticking)
        #expect(host.dispatch() == 1)
        #expect(throws: ReactorNotRunning.self) { try reactor.stop() }
        var isCalled = false
        reactor.callLater(.milliseconds(1)) { isCalled = true }
        #expect(host.dispatch() == 1)
        #expect(isCalled)
        reactor.invalidate()
        host.free()
    }

    @Test("R5: signals are left alone; a handler that is asked for works, and keeps the loop going until it is removed")
    func signals() throws {
        let host = HostProgram()
        var before = [sigaction(), sigaction()]
        sigaction(SIGINT, nil, &before[0])
        let reactor = try host.adopt { $0.handlesSignals = true }
        host.dispatch()
        sigaction(SIGINT, nil, &before[1])
        #expect(
            before[0].__sigaction_handler.sa_handler == nil && before[1].__sigaction_handler.sa_handler == nil)
        var handler: SignalHandler?
        handler = try reactor.addSignalHandler(SIGURG) { [unowned reactor] in
            handler.take().map(reactor.removeSignalHandler)
        }
        host.after(milliseconds: 1) { kill(getpid(), SIGURG) }
        #expect(host.dispatch() == 1)
        #expect(handler == nil)
        reactor.invalidate()
        host.free()
    }

    @Test("I1: a base that cannot report changes serves as well, without spinning")
    func oldMethods() throws {
        let host = HostProgram(avoiding: ["epoll", "select"])
        #expect(String(cString: event_base_get_method(host.base)) == "poll")
        let reactor = try host.adopt { $0.keepsLoopAlive = true }
        let answered = Notes<Int>()
        reactor.callLater(.milliseconds(1)) { answered.add(1) }
        reactor.deferToThread { 2 }.addCallback { answered.add($0) }
        var isOver = false
        host.after(milliseconds: 100) { isOver = true }
        var passes = 0
        while !isOver {
            event_base_loop(host.base, EVLOOP_ONCE)
            passes += 1
        }
        #expect(Set(answered.all) == [1, 2])
        #expect(passes < 50)
        reactor.invalidate()
        host.free()
    }
}
