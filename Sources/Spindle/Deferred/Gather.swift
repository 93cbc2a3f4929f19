/// Waits for all of several Deferreds, and gives their values in the order of the Deferreds.
///
/// ```swift
/// gather(names.map(lookUp)).addCallback { addresses in … }
/// let addresses = try await gather(names.map(lookUp), cancelSiblings: true).value()
/// ```
///
/// The first to fail decides: the result fails at once, with that very error, so that `catch is
/// ConnectionRefusedError` needs no unwrapping. Where it matters which one it was, `describe` puts
/// it into the error:
///
/// ```swift
/// gather(names.map(lookUp)) { index, error in LookUpFailed(name: names[index], reason: error) }
/// ```
///
/// The others go on, unless `cancelSiblings` is set. If one of them fails later, that failure is still its own
/// Deferred's: it is logged as unhandled (D3) unless somebody takes it there, or `consumeErrors` is set. With
/// nothing to wait for the result is there at once (D4).
///
/// Cancelling the result cancels all that has not fired. To have every result, failures included, see
/// ``deferredList(_:fileID:line:)``. Values of different types need no gathering: what a Deferred stands for is under
/// way already, so they are awaited one after the other, or chained.
///
/// - Parameters:
///   - cancelSiblings: whether a failure cancels the others.
///   - consumeErrors: whether failures after the first are dropped instead of logged.
///   - describe: the error to fail with when number `index` fails with `error`.
public func gather<Value>(
    _ deferreds: [Deferred<Value>], cancelSiblings: Bool = false, consumeErrors: Bool = false,
    fileID: StaticString = #fileID, line: UInt = #line,
    describe: @escaping (_ index: Int, _ error: any Error) -> any Error = { $1 }
) -> Deferred<[Value]> {
    guard !deferreds.isEmpty else { return Deferred(.success([]), fileID: fileID, line: line) }
    var values = [Value?](repeating: nil, count: deferreds.count)
    var missing = deferreds.count
    return Combination.outcome(
        of: deferreds, cancelSiblings: cancelSiblings, handling: consumeErrors, fileID: fileID, line: line
    ) { index, result in
        switch result {
        case .failure(let error): return .failure(describe(index, error))
        case .success(let value):
            values[index] = value
            missing -= 1
            return missing == 0 ? .success(values.map { $0! }) : nil
        }
    }
}
