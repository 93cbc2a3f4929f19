/// The threads of a ``ReactorGroup`` while it runs. It belongs to the thread of `run()`.
final class ReactorCrew {
    private let handles: [ReactorHandle]
    private var threads: [JoinableThread] = []
    private var count = 0
    private var isStopping = false
    private let allEnded = Deferred<Void>()

    init(_ handles: [ReactorHandle]) { self.handles = handles }

    func start(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
        threads.append(try JoinableThread(body))
        count += 1
    }

    /// Tells all reactors to stop. Fires when they have ended.
    func stop() -> Deferred<Void> {
        isStopping = true
        for handle in handles.prefix(threads.count) { handle.stop() }
        finishIfOver()
        return allEnded
    }

    /// One reactor's thread is about to end.
    func ended() {
        count -= 1
        finishIfOver()
    }

    private func finishIfOver() {
        if isStopping && count == 0 { try? allEnded.callback(()) }
    }

    /// Waits for the threads' end, whatever else has gone wrong.
    func join() {
        if !threads.isEmpty && !isStopping { _ = stop() }
        for thread in threads { thread.join() }
    }
}
