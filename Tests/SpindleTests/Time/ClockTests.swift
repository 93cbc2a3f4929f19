import Glibc
import Spindle
import Testing

/// Rule T1 of the contract: which clock it is, and how the loop waits for it.
@Suite(.ownThreads) struct ClockTests {
    @Test("T1: timers go by the monotonic clock, which no correction of the wall clock moves (Twisted D9)")
    func monotonic() throws {
        func monotonic() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }
        let reactor = try Reactor(options: .forTests)
        let before = monotonic()
        let seconds = reactor.seconds
        #expect(before <= seconds && seconds <= monotonic())
        // The kernel says which clock a timerfd has. Ours is the one that is set so far ahead.
        var clocks: [String] = []
        reactor.callWhenRunning {
            reactor.spawn {
                for _ in 0..<3 { try await reactor.sleep(.zero).value() }
                clocks = (0..<1024).compactMap(Self.clock)
                try reactor.stop()
            }
        }
        try reactor.runWatched(.seconds(123_456))
        #expect(clocks == ["\(CLOCK_MONOTONIC)"])
    }

    /// The clock of a timerfd that goes off in 123,456 seconds.
    private static func clock(of descriptor: Int) -> String? {
        guard let file = fopen("/proc/self/fdinfo/\(descriptor)", "re") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        var clock: String?
        while fgets(&line, 256, file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            if text.hasPrefix("clockid: ") { clock = String(text.dropFirst(9).dropLast()) }
            if text.hasPrefix("it_value: (1234") { return clock }
        }
        return nil
    }

    /// 2^31 ms is where 32-bit timeouts end, 2^63 ns where the clock does.
    @Test(
        "T1: calls in a far future neither come early nor keep the loop from sleeping",
        arguments: [
            Duration.milliseconds(1 << 31), .milliseconds(1 << 32), .seconds(1 << 33), .seconds(1e20),
        ])
    func farFuture(_ delay: Duration) throws {
        let reactor = try Reactor(options: .forTests)
        var call: DelayedCall?
        call = reactor.callLater(delay) { Issue.record("not in our time") }
        let start = reactor.passes
        reactor.callLater(.milliseconds(20)) {
            #expect(call?.isActive == true && reactor.delayedCalls.contains { $0 === call })
            #expect(reactor.passes - start < 10)
            try reactor.stop()
        }
        try reactor.run()
        #expect(call?.isActive == false)
    }

    @Test("T1: the loop sleeps until the earliest call, whatever was moved or cancelled, and without calls for good")
    func sleeps() throws {
        let reactor = try Reactor(options: .forTests)
        let thread = ScriptThread { [handle = reactor.handle] in
            usleep(50_000)
            handle.callFromThread { reactor in try reactor.stop() }
        }
        let calls = [50, 10, 100].map { reactor.callLater(.milliseconds($0)) {} }
        try calls[1].reset(.seconds(1000))
        try calls[2].delay(.seconds(1000))
        try calls[0].cancel()
        try reactor.run()
        thread.join()
        // One for each call, at most, and a few for being stopped.
        #expect(reactor.passes < 10)
    }

    @Test("T1: a call that is moved to an earlier time wakes the loop in time, from inside a callback too")
    func wakesEarlier() throws {
        let reactor = try Reactor(options: .forTests)
        let distant = reactor.callLater(.seconds(1000)) { try reactor.stop() }
        let other = reactor.callLater(.seconds(500)) { Issue.record("not in our time") }
        reactor.callLater(.milliseconds(1)) {
            try other.delay(.seconds(1000))
            try distant.reset(.milliseconds(5))
        }
        try reactor.runWatched()
        #expect(!distant.isActive)
    }
}
