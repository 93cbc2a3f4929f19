import Dispatch
import Spindle

/// A value that one thread waits for and another one delivers.
final class Handoff: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let value = Lock(false)

    func finish(_ value: Bool) {
        self.value.withLock { $0 = value }
        semaphore.signal()
    }

    /// Whether it has been delivered, and is true.
    var isFinished: Bool { value.withLock { $0 } }

    func wait() -> Bool {
        guard semaphore.wait(timeout: .now() + .seconds(10 * Patience.factor)) == .success else { return false }
        return value.withLock { $0 }
    }
}
