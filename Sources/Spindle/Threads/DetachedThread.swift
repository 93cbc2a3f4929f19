/// A thread that nobody waits for.
enum DetachedThread {
    /// Runs `body` on a new thread, or says why there is none.
    static func start(_ body: @escaping @Sendable () -> Void) -> SystemError? {
        do throws(SystemError) { try JoinableThread(body).detach() } catch { return error }
        return nil
    }
}
