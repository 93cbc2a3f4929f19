import Spindle
import Testing

extension ReactorGroup {
    /// Runs the group beside a script, which has a thread of its own, and stops it when that has ended. What the
    /// script throws fails the test, and so does a group that nobody stops for long.
    @available(*, noasync)
    func run(
        sourceLocation: SourceLocation = #_sourceLocation, _ script: @escaping @Sendable () throws -> Void
    ) throws {
        handles[0].callFromThread { [weak self] reactor in
            reactor.callLater(.seconds(60 * Patience.factor)) {
                Issue.record("nobody stopped the group", sourceLocation: sourceLocation)
                self?.stop()
            }
        }
        let thread = ScriptThread { [self] in
            do { try script() } catch { Issue.record(error, sourceLocation: sourceLocation) }
            stop()
        }
        defer { thread.join() }
        try run()
    }
}
