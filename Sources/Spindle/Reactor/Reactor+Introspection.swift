extension Reactor {
    /// What the reactor has at hand, and what it has done, in numbers.
    public var statistics: Statistics {
        requireThread()
        return Statistics(
            passes: base.passes, longestPass: base.watch.longestPass, connections: open.connections.count,
            connectionAttempts: open.attempts.count, listeningPorts: open.ports.count, delayedCalls: timers.count,
            tasks: open.tasks.count, watchedDescriptors: open.watches.count, jobs: jobsDone,
            bytesReceived: bytesReceived,
            bytesWritten: bytesWritten,
            threads: ownThreadPool?.statistics)
    }

    /// What keeps the reactor busy, one thing on a line: for a log, or a person who wonders why it does not stop.
    ///
    /// ```
    /// running; 1 port, 2 connections, 0 attempts, 1 delayed call, 0 tasks, 0 watched descriptors
    ///   port 127.0.0.1:8000 (EchoFactory), 2 connections
    ///   connection 127.0.0.1:40112 (EchoProtocol)
    ///   connection 127.0.0.1:40114 (EchoProtocol), closing, 65536 bytes to send
    ///   a call due in 4.2 seconds
    /// ```
    ///
    /// Of each kind the first twenty are named. The wording may change; programs read ``statistics``.
    public func describe() -> String {
        requireThread()
        let lists = open.lists
        let counts = lists.map { "\($0.count) \($0.noun)\($0.count == 1 ? "" : "s")" }
        var lines = ["\(wasInvalidated ? "invalidated" : phase.rawValue); \(counts.joined(separator: ", "))"]
        let triggers = awaitedOutcomes.filter { !$0.hasFired }
            .map { "trigger to wait for, added at \($0.fileID):\($0.line)" }
        for (noun, items) in lists.map({ ($0.noun, $0.lines) }) + [("trigger", triggers)] {
            lines += items.prefix(20).map { "  \($0)" }
            if items.count > 20 { lines.append("  and \(items.count - 20) more \(noun)s") }
        }
        if let threads = ownThreadPool?.statistics, threads.working + threads.waiting > 0 {
            lines.append("  thread pool: \(threads.working) jobs under way, \(threads.waiting) waiting")
        }
        return lines.joined(separator: "\n")
    }
}
