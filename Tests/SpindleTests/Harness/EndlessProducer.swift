import Spindle

/// A push producer that writes, whenever it may, in a loop that only pausing ends.
final class EndlessProducer: Producer {
    weak var transport: Transport?
    private var isPaused = false
    private(set) var isStopped = false
    /// How many writes it has made in a row at most.
    private(set) var longestRun = 0

    /// Where it gives up waiting to be paused.
    static let limit = 100_000

    func produce() {
        var writes = 0
        while !isPaused, writes < Self.limit {
            writes += 1
            transport?.write([UInt8](repeating: 1, count: 5000))
        }
        longestRun = max(longestRun, writes)
    }

    func pauseProducing() { isPaused = true }

    func resumeProducing() {
        isPaused = false
        produce()
    }

    func stopProducing() {
        isPaused = true
        isStopped = true
    }
}
