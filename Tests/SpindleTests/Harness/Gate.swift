import Dispatch
import Spindle

/// Holds up threads that come by with some names until it is opened, and notes who came.
final class Gate: Sendable {
    private struct State {
        var closedFor: Set<String> = []
        var names: [String] = []
        var inside = 0
        var most = 0
        var held = 0
    }
    private let state = Lock(State())
    private let opened = DispatchSemaphore(value: 0)

    var names: [String] { state.withLock { $0.names } }
    var most: Int { state.withLock { $0.most } }

    func close(_ names: String...) { state.withLock { $0.closedFor = Set(names) } }

    func pass(_ name: String) {
        let isHeld = state.withLock { state in
            state.names.append(name)
            state.inside += 1
            state.most = max(state.most, state.inside)
            guard state.closedFor.contains(name) else { return false }
            state.held += 1
            return true
        }
        if isHeld { _ = opened.wait(timeout: .now() + 20) }
        state.withLock { $0.inside -= 1 }
    }

    func open() {
        let held = state.withLock { state in
            state.closedFor = []
            defer { state.held = 0 }
            return state.held
        }
        for _ in 0..<held { opened.signal() }
    }
}
