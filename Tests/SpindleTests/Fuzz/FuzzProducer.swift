import Spindle

/// A producer that produces as it likes, and checks that it is told things in a possible order.
final class FuzzProducer: Producer {
    private unowned let run: StreamFuzz
    let isStreaming: Bool
    private var isPaused = false
    private(set) var stops = 0

    init(_ run: StreamFuzz, isStreaming: Bool) {
        self.run = run
        self.isStreaming = isStreaming
    }

    func pauseProducing() {
        run.log.check(!isPaused, "a producer was paused twice")
        run.log.check(stops == 0, "a producer was paused after it was stopped")
        isPaused = true
    }

    func resumeProducing() {
        run.log.check(stops == 0, "a producer was resumed after it was stopped")
        if isStreaming { run.log.check(isPaused, "a producer was resumed that was not paused") }
        isPaused = false
        run.nestedCallback("resumeProducing")
        guard run.producer === self else { return }
        if run.random.oneIn(8) { return run.unregister() }
        for _ in 0..<(isStreaming ? 5 : 1) where !isPaused && run.producer === self {
            run.write(run.random.below(30_000))
        }
    }

    func stopProducing() {
        stops += 1
        run.log.check(stops == 1, "a producer was stopped twice")
        if run.producer === self { run.producer = nil }
        run.log.note("<stopProducing>")
    }
}
