import Glibc
import Spindle
import Testing

extension Reactor {
    /// Runs the loop with `script` in it as a task, and stops it when that has ended. What it throws fails the test.
    @available(*, noasync)
    func run(
        sourceLocation: SourceLocation = #_sourceLocation,
        _ script: nonisolated(nonsending) @escaping () async throws -> Void
    ) throws {
        callWhenRunning { [unowned self] in
            spawn(script).addErrback { error in _ = Issue.record(error, sourceLocation: sourceLocation) }
                .addCallback { [unowned self] in if !isStopping { try stop() } }
        }
        let limit = callLater(.seconds(20)) { [unowned self] in
            Issue.record("the test is stuck: \(describe())", sourceLocation: sourceLocation)
            try stop()
        }
        try run()
        try? limit.cancel()
    }

    /// Waits until something holds.
    func until(isolation: isolated (any Actor)? = #isolation, _ condition: () -> Bool) async throws {
        while !condition() { try await sleep(.milliseconds(1)).value() }
    }
}

extension Factory {
    /// Hands one protocol out, once.
    static func once(_ made: Protocol) -> Factory {
        var next: Protocol? = made
        return Factory { next.take() }
    }
}
