extension Deferred {
    /// Runs `body` with the value; its result is the returned Deferred's. A failure passes it by.
    @discardableResult
    public func addCallback<NewValue>(
        _ body: @escaping (Value) throws -> NewValue, fileID: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<NewValue> {
        addBoth({ try body($0.get()) }, fileID: fileID, line: line)
    }

    /// As ``addCallback(_:fileID:line:)-1``, waiting for the Deferred that `body` returns.
    @discardableResult
    public func addCallback<NewValue>(
        _ body: @escaping (Value) throws -> Deferred<NewValue>, fileID: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<NewValue> {
        addBoth({ try body($0.get()) }, fileID: fileID, line: line)
    }

    /// Runs `body` with the error and goes on with the value it returns. A value passes it by.
    @discardableResult
    public func addErrback(
        _ body: @escaping (any Error) throws -> Value, fileID: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<Value> {
        addCallbacks({ $0 }, body, fileID: fileID, line: line)
    }

    /// As ``addErrback(_:fileID:line:)-1``, waiting for the Deferred that `body` returns.
    @_disfavoredOverload
    @discardableResult
    public func addErrback(
        _ body: @escaping (any Error) throws -> Deferred<Value>, fileID: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<Value> {
        addCallbacks({ Deferred(.success($0)) }, body, fileID: fileID, line: line)
    }

    /// Runs `body` with the error, for what it does; the returned Deferred then fires without a value.
    ///
    /// ```swift
    /// endpoint.listen(factory).addErrback { error in print("cannot listen: \(error)") }
    /// ```
    ///
    /// With several statements: `addErrback { error -> Void in … }`.
    @_disfavoredOverload
    @discardableResult
    public func addErrback(
        _ body: @escaping (any Error) throws -> Void, fileID: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<Void> {
        addCallbacks({ _ in }, body, fileID: fileID, line: line)
    }

    /// Runs one of two closures, for the value or for the error.
    @discardableResult
    public func addCallbacks<NewValue>(
        _ callback: @escaping (Value) throws -> NewValue,
        _ errback: @escaping (any Error) throws -> NewValue, fileID: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<NewValue> {
        addBoth(Self.either(callback, errback), fileID: fileID, line: line)
    }

    /// As ``addCallbacks(_:_:fileID:line:)-1``, waiting for the Deferred that the closure returns.
    @discardableResult
    public func addCallbacks<NewValue>(
        _ callback: @escaping (Value) throws -> Deferred<NewValue>,
        _ errback: @escaping (any Error) throws -> Deferred<NewValue>,
        fileID: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<NewValue> {
        addBoth(Self.either(callback, errback), fileID: fileID, line: line)
    }

    /// One closure in the place of two.
    private static func either<Outcome>(
        _ callback: @escaping (Value) throws -> Outcome, _ errback: @escaping (any Error) throws -> Outcome
    ) -> (Result<Value, any Error>) throws -> Outcome {
        { result in
            switch result {
            case .success(let value): try callback(value)
            case .failure(let error): try errback(error)
            }
        }
    }

    /// Runs `body` with the result, whichever it is; what it returns or throws is the returned Deferred's.
    @discardableResult
    public func addBoth<NewValue>(
        _ body: @escaping (Result<Value, any Error>) throws -> NewValue, fileID: StaticString = #fileID,
        line: UInt = #line
    ) -> Deferred<NewValue> {
        let next = Deferred<NewValue>(fileID: fileID, line: line)
        next.awaited = self
        add(Link(successor: next) { result in next.settle(Result { try body(result) }) ? next : nil })
        return next
    }

    /// As ``addBoth(_:fileID:line:)-1``, waiting for the Deferred that `body` returns.
    @discardableResult
    public func addBoth<NewValue>(
        _ body: @escaping (Result<Value, any Error>) throws -> Deferred<NewValue>, fileID: StaticString = #fileID,
        line: UInt = #line
    ) -> Deferred<NewValue> {
        let next = Deferred<NewValue>(fileID: fileID, line: line)
        next.awaited = self
        add(
            Link(successor: next) { result in
                let inner: Deferred<NewValue>
                do { inner = try body(result) } catch { return next.settle(.failure(error)) ? next : nil }
                // One that has fired is taken from at once: waiting for it would recurse, chain by chain.
                if inner.hasFired { return next.settle(inner.takeResult()!) ? next : nil }
                if inner === next { return next.settle(.failure(CircularDeferredError())) ? next : nil }
                next.awaited = inner
                inner.add(Link(successor: next) { next.settle($0) ? next : nil })
                return nil
            })
        return next
    }
}
