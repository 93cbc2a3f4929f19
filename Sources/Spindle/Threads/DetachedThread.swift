import Glibc

/// A thread that nobody waits for.
enum DetachedThread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Runs `body` on a new thread, or says why there is none.
    ///
    /// The thread takes no signals: they are for the threads that the program knows of.
    static func start(_ body: @escaping @Sendable () -> Void) -> SystemError? {
        let context = unsafe Unmanaged.passRetained(Body(body))
        // A new thread inherits the mask of the one that makes it; set by itself it would come too late.
        var (every, former) = (sigset_t(), sigset_t())
        unsafe sigfillset(&every)
        unsafe pthread_sigmask(SIG_SETMASK, &every, &former)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &former, nil) }
        var thread = pthread_t()
        let result = unsafe pthread_create(
            &thread, nil,
            { context in
                unsafe Unmanaged<Body>.fromOpaque(context.unsafelyUnwrapped).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        guard result == 0 else {
            unsafe context.release()
            return SystemError(result, "pthread_create")
        }
        pthread_detach(thread)
        return nil
    }
}
