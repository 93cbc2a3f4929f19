extension Reactor {
    /// What the reactor has at hand, and what it has done, in numbers.
    public var statistics: Statistics {
        requireThread()
        return Statistics(
            passes: base.passes, longestPass: base.watch.longestPass, connections: transports.count,
            connectionAttempts: attempts.count, listeningPorts: ports.count, delayedCalls: timers.count,
            tasks: tasks.count, watchedDescriptors: watches.count, jobs: jobsDone, bytesReceived: bytesReceived,
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
        let parts: [(kind: String, things: [String])] = [
            ("port", ports.all.map { "port \($0)" }),
            ("connection", transports.all.map { "connection \($0)" }),
            ("attempt", attempts.all.map { "attempt to connect to \($0.destination)" }),
            ("delayed call", delayedCalls.map { "\($0)" }),
            ("task", tasks.all.map { "task spawned at \($0.origin)" }),
            ("watched descriptor", watches.all.map { "\($0)" }),
            (
                "trigger",
                awaitedOutcomes.filter { !$0.hasFired }.map { "trigger to wait for, added at \($0.fileID):\($0.line)" }
            ),
        ]
        let counts = parts.dropLast().map { "\($0.things.count) \($0.kind)\($0.things.count == 1 ? "" : "s")" }
        var lines = ["\(wasInvalidated ? "invalidated" : phase.rawValue); \(counts.joined(separator: ", "))"]
        for part in parts {
            lines += part.things.prefix(20).map { "  \($0)" }
            if part.things.count > 20 { lines.append("  and \(part.things.count - 20) more \(part.kind)s") }
        }
        if let threads = ownThreadPool?.statistics, threads.working + threads.waiting > 0 {
            lines.append("  thread pool: \(threads.working) jobs under way, \(threads.waiting) waiting")
        }
        return lines.joined(separator: "\n")
    }
}
