/// The calls into one reactor that somebody waits for: none of them may be left without an answer.
final class AwaitedCalls: Sendable {
    private struct State {
        var calls: [ObjectIdentifier: any EndableCall] = [:]
        /// Whether the reactor has run and does not any more.
        var isOver = false
    }

    private let state = Lock(State())

    /// Keeps a call, or ends it at once if nobody would make it.
    func insert(_ call: any EndableCall) {
        let isOver = state.withLock { state in
            if !state.isOver { state.calls[ObjectIdentifier(call)] = call }
            return state.isOver
        }
        if isOver { call.end() }
    }

    func remove(_ call: any EndableCall) {
        _ = state.withLock { $0.calls.removeValue(forKey: ObjectIdentifier(call)) }
    }

    /// The reactor runs.
    func begin() { state.withLock { $0.isOver = false } }

    /// The reactor does not run any more: ends the calls that wait and those that come.
    func end() {
        let left = state.withLock { state in
            defer { state = State(isOver: true) }
            return state.calls
        }
        for call in left.values { call.end() }
    }
}

/// A call that can be told that it will never be answered.
protocol EndableCall: AnyObject, Sendable {
    func end()
}
