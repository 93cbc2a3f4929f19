/// The value of the first of several Deferreds to succeed, and which one that was.
///
/// ```swift
/// let fastest = try await race(mirrors.map(fetch)).value()
/// print("\(mirrors[fastest.index]) sent \(fastest.value.count) bytes")
/// ```
///
/// The winner's siblings are cancelled, unless `cancelSiblings` is false, and whatever comes of them
/// is dropped, errors too: with a winner they matter to nobody. Only when all have failed does the
/// race fail, with all of their errors in a ``FailureGroup``; without anybody in it, it does so at
/// once (D4).
///
/// Cancelling the race cancels all that has not fired.
public func race<Value>(
    _ deferreds: [Deferred<Value>], cancelSiblings: Bool = true,
    fileID: StaticString = #fileID, line: UInt = #line
) -> Deferred<(index: Int, value: Value)> {
    guard !deferreds.isEmpty else { return Deferred(.failure(FailureGroup(errors: [])), fileID: fileID, line: line) }
    var errors = [(any Error)?](repeating: nil, count: deferreds.count)
    var running = deferreds.count
    return Combination.outcome(
        of: deferreds, cancelSiblings: cancelSiblings, handling: true, fileID: fileID, line: line
    ) { index, result in
        switch result {
        case .success(let value): return .success((index, value))
        case .failure(let error):
            errors[index] = error
            running -= 1
            return running == 0 ? .failure(FailureGroup(errors: errors.map { $0! })) : nil
        }
    }
}
