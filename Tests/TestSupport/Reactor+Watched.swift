package import Spindle
package import Testing

extension Reactor {
    /// Runs the loop until something stops it; after `limit`, which is long, fails the test and stops it by force.
    @available(*, noasync)
    package func runWatched(
        _ limit: Duration = .seconds(30), sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let watchdog = callLater(limit * Patience.factor) { [unowned self] in
            Issue.record("nobody stopped the reactor within \(limit)", sourceLocation: sourceLocation)
            try stop()
        }
        try run()
        if watchdog.isActive { try watchdog.cancel() }
    }
}
