/// Waits until all of several Deferreds have fired, and gives every result, failures included, in their order.
///
/// ```swift
/// deferredList(peers.map(notify)).addCallback { results in
///     for (peer, result) in zip(peers, results) { … }
/// }
/// ```
///
/// It never fails, unless it is cancelled, so all failures count as handled. With nothing to wait for the list is there
/// at once (D4). Cancelling it cancels all that has not fired; the list then has a ``CancelledError``
/// in their places.
///
/// Twisted's `DeferredList` has three types of outcome, so here it is three functions. With `fireOnOneErrback`
/// it is ``gather(_:cancelSiblings:consumeErrors:fileID:line:describe:)``, as `gatherResults` is; with `fireOnOneCallback`,
/// it is ``race(_:cancelSiblings:fileID:line:)`` without `cancelSiblings`.
public func deferredList<Value>(
    _ deferreds: [Deferred<Value>], fileID: StaticString = #fileID, line: UInt = #line
) -> Deferred<[Result<Value, any Error>]> {
    guard !deferreds.isEmpty else { return Deferred(.success([]), fileID: fileID, line: line) }
    var results = [Result<Value, any Error>?](repeating: nil, count: deferreds.count)
    var missing = deferreds.count
    return Combination.outcome(
        of: deferreds, cancelSiblings: false, handling: true, fileID: fileID, line: line
    ) { index, result in
        results[index] = result
        missing -= 1
        return missing == 0 ? .success(results.map { $0! }) : nil
    }
}
