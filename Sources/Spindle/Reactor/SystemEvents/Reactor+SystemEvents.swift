import Logging

extension Reactor {
    /// Has `body` called when the reactor starts or stops, once.
    ///
    /// ```swift
    /// reactor.addSystemEventTrigger(.after, .shutdown) { print("closed down") }
    /// ```
    ///
    /// Triggers of one phase are called in the order they were added, also those that are added by
    /// one of them. What they throw is logged and keeps no other from being called (R4, R6).
    ///
    /// - Returns: what ``removeSystemEventTrigger(_:)`` calls it off by.
    @discardableResult
    public func addSystemEventTrigger(
        _ phase: SystemEventPhase, _ event: SystemEvent, _ body: @escaping () throws -> Void
    ) -> SystemEventTrigger {
        add(
            SystemEventTrigger(phase, event) {
                try body(); return nil
            })
    }

    /// As the form with a plain closure; in the phase `before` the event waits for the Deferred that `body` returns.
    ///
    /// ```swift
    /// reactor.addSystemEventTrigger(.before, .shutdown) {
    ///     reactor.spawn { try await directory.signOff() }
    /// }
    /// ```
    ///
    /// Meanwhile the loop goes on as before: ports accept, connections are served, timers run. The
    /// triggers do not wait for each other. A failure is logged and holds nothing up (R4). One that never fires does:
    /// ``describe()`` says what the reactor waits for.
    @discardableResult
    public func addSystemEventTrigger<Value>(
        _ phase: SystemEventPhase, _ event: SystemEvent, _ body: @escaping () throws -> Deferred<Value>,
        fileID: StaticString = #fileID, line: UInt = #line
    ) -> SystemEventTrigger {
        let log = { [logger] (result: Result<Value, any Error>) -> Void in
            if case .failure(let error) = result {
                logger.error("what \(phase) \(event) waited for failed: \(error)")
            }
        }
        return add(SystemEventTrigger(phase, event) { try body().addBoth(log, fileID: fileID, line: line) })
    }

    /// Calls a trigger off, and releases what its closure holds. Does nothing if it was called already.
    public func removeSystemEventTrigger(_ trigger: SystemEventTrigger) {
        requireThread()
        triggers.removeAll { $0 === trigger }
    }

    /// Calls `body` when the reactor runs: at once if it does, else when `run()` begins, in order (R1).
    public func callWhenRunning(_ body: @escaping () throws -> Void) {
        if hasStarted { guarding("a startup hook", body) } else { addSystemEventTrigger(.after, .startup, body) }
    }

    private func add(_ trigger: SystemEventTrigger) -> SystemEventTrigger {
        requireThread()
        triggers.append(trigger)
        return trigger
    }

    /// Calls the triggers of one phase, and then, when what they returned has fired, `next`, which is in a later
    /// pass if that has to be waited for.
    func fire(_ phase: SystemEventPhase, _ event: SystemEvent, then next: @escaping () -> Void) {
        let run = runs
        var waiting = 1
        func finished() {
            waiting -= 1
            // What fires later than the run that waited for it changes nothing in the next.
            if waiting == 0, run == runs { next() }
        }
        awaitedOutcomes = fire(phase, event)
        for outcome in awaitedOutcomes {
            guard !outcome.hasFired else { continue }
            waiting += 1
            outcome.addBoth { [self] _ in inNextPass(finished) }
        }
        finished()
    }

    /// Calls the triggers of one phase, and returns what they returned.
    @discardableResult
    func fire(_ phase: SystemEventPhase, _ event: SystemEvent) -> [Deferred<Void>] {
        var outcomes: [Deferred<Void>] = []
        while let index = triggers.firstIndex(where: { $0.phase == phase && $0.event == event }) {
            let trigger = triggers.remove(at: index)
            guarding("a trigger of \(phase) \(event)") {
                if let outcome = try trigger.body() { outcomes.append(outcome) }
            }
        }
        return outcomes
    }
}
