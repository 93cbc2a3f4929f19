import Glibc
import Spindle
import Testing

/// Rule R5 of the contract, as far as it can be seen without ending a process: signals as callbacks and as a sequence.
///
/// Signals belong to the process that runs all tests, so each test has some of its own.
@Suite(.ownThreads) struct SignalTests {
    struct Mishap: Error {}

    @Test("R5: a signal's handler is called on the loop, each time it comes")
    func callback() throws {
        let reactor = try Reactor(options: .forTests)
        var calls = 0
        try reactor.addSignalHandler(SIGUSR1) { [unowned reactor] in
            #expect(reactor.handle.isCurrent)
            calls += 1
            if calls < 3 { kill(getpid(), SIGUSR1) } else { try reactor.stop() }
        }
        kill(getpid(), SIGUSR1)
        #expect(calls == 0, "not before the loop runs")
        try reactor.runWatched()
        #expect(calls == 3)
    }

    @Test("R5: a signal wakes a loop that waits, whichever thread gets it")
    func wakes() throws {
        let reactor = try Reactor(options: .forTests)
        try reactor.addSignalHandler(SIGUSR2) { [unowned reactor] in try reactor.stop() }
        let isWaiting = Handoff()
        reactor.callLater(.milliseconds(1)) { isWaiting.finish(true) }
        let thread = ScriptThread {
            #expect(isWaiting.wait())
            kill(getpid(), SIGUSR2)
        }
        try reactor.runWatched()
        thread.join()
    }

    @Test("R5: a handler that another one removes is not called any more, also if both were about to be")
    func removedByAnother() throws {
        let reactor = try Reactor(options: .forTests)
        var calls: [Int] = []
        var second: SignalHandler?
        try reactor.addSignalHandler(SIGVTALRM) { [unowned reactor] in
            calls.append(1)
            if let second { reactor.removeSignalHandler(second) }
        }
        second = try reactor.addSignalHandler(SIGVTALRM) { calls.append(2) }
        try reactor.addSignalHandler(SIGVTALRM) { [unowned reactor] in
            calls.append(3)
            try reactor.stop()
        }
        kill(getpid(), SIGVTALRM)
        try reactor.runWatched()
        #expect(calls == [1, 3])
    }

    @Test("R5, R6: each handler of a signal is called; what one throws is logged")
    func severalHandlers() throws {
        let log = CapturedLog()
        let reactor = try Reactor(options: log.options)
        var calls: [Int] = []
        try reactor.addSignalHandler(SIGWINCH) {
            calls.append(1)
            throw Mishap()
        }
        let removed = try reactor.addSignalHandler(SIGWINCH) { calls.append(2) }
        try reactor.addSignalHandler(SIGWINCH) { [unowned reactor] in
            calls.append(3)
            try reactor.stop()
        }
        reactor.removeSignalHandler(removed)
        reactor.removeSignalHandler(removed)
        kill(getpid(), SIGWINCH)
        try reactor.runWatched()
        #expect(calls == [1, 3])
        #expect(log.lines.count { $0.contains("Mishap") } == 1)
    }

    @Test("R5: what a signal did before is put back when its last handler is removed, and with the reactor")
    func restored() throws {
        signal(SIGHUP, SIG_IGN)
        defer { signal(SIGHUP, SIG_DFL) }
        func isIgnored() -> Bool {
            var action = sigaction()
            sigaction(SIGHUP, nil, &action)
            return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
        }
        var reactor: Reactor? = try Reactor(options: .forTests)
        let first = try reactor?.addSignalHandler(SIGHUP) {}
        let second = try reactor?.addSignalHandler(SIGHUP) {}
        #expect(!isIgnored())
        if let first { reactor?.removeSignalHandler(first) }
        #expect(!isIgnored())
        if let second { reactor?.removeSignalHandler(second) }
        #expect(isIgnored())
        try reactor?.addSignalHandler(SIGHUP) {}
        #expect(!isIgnored())
        reactor = nil
        #expect(isIgnored())
    }

    @Test(
        "R5: a signal that cannot be handled is refused with the reason", arguments: [SIGKILL, SIGSEGV, -1, 65, 1000])
    func refused(signal: Int32) throws {
        let reactor = try Reactor(options: .forTests)
        let error = #expect(throws: CannotHandleSignalError.self) { try reactor.addSignalHandler(signal) {} }
        #expect(error?.signal == signal && error?.errno == EINVAL)
        #expect("\(error!)" == "cannot handle signal \(signal): it is none that a program can handle")
    }

    @Test("R5: a signal has one reactor")
    func taken() throws {
        let first = try Reactor(options: .forTests)
        let second = try Reactor(options: .forTests)
        let handler = try first.addSignalHandler(SIGURG) {}
        let error = #expect(throws: CannotHandleSignalError.self) { try second.addSignalHandler(SIGURG) {} }
        #expect(error?.errno == EBUSY)
        first.removeSignalHandler(handler)
        try second.addSignalHandler(SIGURG) { [unowned second] in try second.stop() }
        kill(getpid(), SIGURG)
        try second.runWatched()
    }

    @Test("R5: signals as a sequence; those that come while nobody waits are kept, one of each kind")
    func sequence() throws {
        let reactor = try Reactor(options: .forTests)
        var seen: [Int32] = []
        try reactor.run {
            let signals = try reactor.signals(SIGIO, SIGPROF)
            for signal in [SIGIO, SIGIO, SIGPROF] { kill(getpid(), signal) }
            try await reactor.sleep(.milliseconds(1)).value()
            for await signal in signals {
                seen.append(signal)
                if seen.count == 2 { kill(getpid(), SIGIO) }
                if seen.count == 3 { break }
            }
        }
        #expect(seen.sorted() == [SIGPROF, SIGIO, SIGIO].sorted())
    }

    @Test("R5, H4: a sequence ends when its task is cancelled, as it is at the stop")
    func sequenceEnds() throws {
        let reactor = try Reactor(options: .forTests)
        var ends = 0
        for _ in 0..<2 {
            reactor.callWhenRunning {
                let signals = try reactor.signals(SIGTTOU)
                reactor.spawn {
                    for await _ in signals { Issue.record("nobody sent a signal") }
                    ends += 1
                }
                reactor.callLater(.zero) { try reactor.stop() }
            }
            try reactor.runWatched()
        }
        #expect(ends == 2)
    }
}
