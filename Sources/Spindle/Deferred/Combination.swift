/// Several Deferreds of which one outcome is made: what gather, race and deferredList have in common.
///
/// The inputs hold it, and it holds none of them: if nobody else does, they will not fire.
final class Combination<Value, Outcome> {
    /// What to make of the result of input number `index`: the outcome, or nothing yet.
    typealias Verdict = (_ index: Int, _ result: Result<Value, any Error>) -> Result<Outcome, any Error>?

    private struct Input { weak var deferred: Deferred<Value>? }

    private var inputs: [Input]
    private let verdict: Verdict
    private let cancelSiblings: Bool
    private var isCancelled = false

    private init(_ deferreds: [Deferred<Value>], _ cancelSiblings: Bool, _ verdict: @escaping Verdict) {
        inputs = deferreds.map { Input(deferred: $0) }
        self.cancelSiblings = cancelSiblings
        self.verdict = verdict
    }

    /// A Deferred that fires with the first outcome there is.
    ///
    /// - Parameters:
    ///   - cancelSiblings: whether the other inputs are cancelled then.
    ///   - handling: whether all failures of the inputs are answered for, or only the one that is the outcome.
    static func outcome(
        of deferreds: [Deferred<Value>], cancelSiblings: Bool, handling: Bool, fileID: StaticString, line: UInt,
        _ verdict: @escaping Verdict
    ) -> Deferred<Outcome> {
        let combination = Combination(deferreds, cancelSiblings, verdict)
        let outcome = Deferred<Outcome>(fileID: fileID, line: line) { [weak combination] _ in combination?.cancel() }
        for (index, deferred) in deferreds.enumerated() {
            let link = Link<Value>(successor: outcome) { result in
                combination.arrived(index, result, outcome) ? outcome : nil
            }
            deferred.add(link, handling: handling)
        }
        return outcome
    }

    private func arrived(_ index: Int, _ result: Result<Value, any Error>, _ outcome: Deferred<Outcome>) -> Bool {
        guard !outcome.hasFired, var verdict = verdict(index, result) else { return false }
        inputs[index].deferred?.takeResult()
        // However many ways there are to say so: what was cancelled fails with this.
        if isCancelled, case .failure = verdict { verdict = .failure(CancelledError()) }
        outcome.settle(verdict)
        if cancelSiblings { cancelInputs() }
        return true
    }

    private func cancel() {
        isCancelled = true
        cancelInputs()
    }

    private func cancelInputs() {
        for input in inputs { input.deferred?.cancel() }
    }
}
