import Glibc

/// A thread that runs one closure, and has to be waited for.
///
/// It takes no signals: they are for the threads that the program knows of.
struct JoinableThread {
    private let thread: pthread_t

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Runs `body` on a new thread.
    init(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
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
            throw SystemError(result, "pthread_create")
        }
        self.thread = thread
    }

    /// Waits until the closure has returned.
    func join() { _ = pthread_join(thread, nil) }

    /// Has nobody wait for it.
    func detach() { pthread_detach(thread) }
}
