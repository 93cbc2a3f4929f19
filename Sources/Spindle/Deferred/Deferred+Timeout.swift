extension Deferred {
    /// Gives the result a time limit: when it is over and there is none, this Deferred is cancelled.
    ///
    /// ```swift
    /// lookUp(name).addTimeout(.seconds(3), reactor).addErrback { error in … }
    /// let answer = try await lookUp(name).addTimeout(.seconds(3), reactor).value()
    /// ```
    ///
    /// The returned Deferred then fails with ``TimeoutError`` where it would have failed for having
    /// been cancelled. What the canceller makes of it instead, a value or an error of its own, passes, and so does
    /// what was cancelled by others. What hangs on this Deferred itself sees the cancellation. As after any
    /// ``cancel()``, a late result is ignored (D2).
    ///
    /// Whatever the result, it calls the timer off. A limit of zero or less is over in the reactor's next pass.
    @discardableResult
    public func addTimeout(
        _ timeout: Duration, _ reactor: Reactor, fileID: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<Value> {
        var isOver = false
        let timer = reactor.callLater(timeout) {
            isOver = true
            self.cancel()
        }
        // Weak: a reactor that goes away takes the timer with it, which would otherwise keep this Deferred.
        let body = { [weak timer] (result: Result<Value, any Error>) in
            try? timer?.cancel()
            if isOver, case .failure(let error) = result, error.isCancellation {
                throw TimeoutError(timeout: timeout)
            }
            return try result.get()
        }
        return addBoth(body, fileID: fileID, line: line)
    }
}
