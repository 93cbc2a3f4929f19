/// Calls `body` and gives what it returns as a Deferred that has fired; what it throws is the failure.
///
/// ```swift
/// maybeDeferred { try parse(line) }.addErrback { error in print("not understood: \(error)") }
/// ```
public func maybeDeferred<Value>(
    _ body: () throws -> Value, fileID: StaticString = #fileID, line: UInt = #line
) -> Deferred<Value> {
    Deferred(Result { try body() }, fileID: fileID, line: line)
}

/// Calls `body` and returns its Deferred; one that has failed, if it throws instead.
public func maybeDeferred<Value>(
    _ body: () throws -> Deferred<Value>, fileID: StaticString = #fileID, line: UInt = #line
) -> Deferred<Value> {
    do { return try body() } catch { return Deferred(.failure(error), fileID: fileID, line: line) }
}
