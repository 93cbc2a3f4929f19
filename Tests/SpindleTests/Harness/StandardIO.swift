import Spindle
import Testing

enum StandardIO {
    /// Runs `subject` on two descriptors, beside a thread that plays the other programs of a pipeline, until the
    /// connection is lost.
    @available(*, noasync)
    static func run(
        _ subject: Recorder, _ input: CInt, _ output: CInt, others: @escaping @Sendable () -> Void = {}
    ) throws {
        let reactor = try Reactor(options: .forTests)
        subject.whenLost = { try? reactor.stop() }
        var next: Recorder? = subject
        StandardIOEndpoint(reactor, input: input, output: output).connect(Factory { next.take() })
            .addErrback { error -> Void in Issue.record(error) }
        let thread = ScriptThread(others)
        try reactor.runWatched()
        thread.join()
    }
}
