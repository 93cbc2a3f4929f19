extension Reactor {
    /// Calls `body` once, `delay` from now.
    ///
    /// ```swift
    /// let reminder = reactor.callLater(.seconds(30)) { print("still there?") }
    /// try reminder.cancel()
    /// ```
    ///
    /// Never earlier than asked. Calls with equal deadlines are made in the order of these calls; a
    /// call with no delay, or a negative one, is made in a later pass, after I/O has had its turn
    /// (T1, R3). What `body` throws is logged.
    @discardableResult
    public func callLater(_ delay: Duration, _ body: @escaping () throws -> Void) -> DelayedCall {
        requireThread()
        warnIfDetached("callLater")
        let call = timers.add(now.advanced(by: delay), body)
        if wasInvalidated { timers.abandonAll() }
        return call
    }

    /// The calls that wait to be made, the next one first: what keeps the reactor busy later.
    ///
    /// Some may be Spindle's own, for time limits of connections for example.
    public var delayedCalls: [DelayedCall] { timers.calls }

    /// A Deferred that fires `delay` from now; cancelling it calls the timer off.
    ///
    /// ```swift
    /// reactor.spawn {
    ///     try await reactor.sleep(.seconds(1)).value()
    ///     transport.write("still here\r\n")
    /// }
    /// ```
    public func sleep(_ delay: Duration, fileID: StaticString = #fileID, line: UInt = #line) -> Deferred<Void> {
        var timer: DelayedCall?
        let deferred = Deferred<Void>(fileID: fileID, line: line, canceller: { _ in try? timer?.cancel() })
        timer = callLater(delay) { try deferred.callback(()) }
        return deferred
    }

    /// Calls `body` once, `delay` from now; the Deferred fires with what it returns or throws.
    ///
    /// ```swift
    /// reactor.deferLater(.seconds(5)) { try readConfiguration() }
    ///     .addCallback { configuration in print(configuration) }
    /// ```
    ///
    /// Cancelling the Deferred before that calls it off.
    @discardableResult
    public func deferLater<Value>(
        _ delay: Duration, fileID: StaticString = #fileID, line: UInt = #line, _ body: @escaping () throws -> Value
    ) -> Deferred<Value> {
        sleep(delay, fileID: fileID, line: line).addCallback({ try body() }, fileID: fileID, line: line)
    }

    /// As the other, waiting for the Deferred that `body` returns.
    @discardableResult
    public func deferLater<Value>(
        _ delay: Duration, fileID: StaticString = #fileID, line: UInt = #line,
        _ body: @escaping () throws -> Deferred<Value>
    ) -> Deferred<Value> {
        sleep(delay, fileID: fileID, line: line).addCallback({ try body() }, fileID: fileID, line: line)
    }
}
