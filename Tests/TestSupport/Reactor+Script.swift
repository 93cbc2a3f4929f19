package import Spindle
package import Testing

extension Reactor {
    /// Runs the loop with `script` in it as a task, and stops it when that has ended. What it throws fails the test.
    @available(*, noasync)
    package func run(
        limit: Duration = .seconds(30), sourceLocation: SourceLocation = #_sourceLocation,
        fileID: StaticString = #fileID, line: UInt = #line,
        _ script: nonisolated(nonsending) @escaping () async throws -> Void
    ) throws {
        callWhenRunning { [unowned self] in
            spawn(script, fileID: fileID, line: line)
                .addErrback { error in _ = Issue.record(error, sourceLocation: sourceLocation) }
                .addCallback { [unowned self] in if !isStopping { try stop() } }
        }
        try runWatched(limit, sourceLocation: sourceLocation)
    }

    /// Waits until something holds.
    package func until(isolation: isolated (any Actor)? = #isolation, _ condition: () -> Bool) async throws {
        while !condition() { try await sleep(.milliseconds(1)).value() }
    }
}
