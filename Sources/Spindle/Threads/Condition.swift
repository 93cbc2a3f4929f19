import Glibc

/// What threads wait on until a value behind a ``Lock`` has changed.
@safe
final class Condition: @unchecked Sendable {
    let raw = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        unsafe raw.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        defer { unsafe pthread_condattr_destroy(&attributes) }
        // The default is a clock that people set.
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        let result = unsafe pthread_cond_init(raw, &attributes)
        precondition(result == 0, "pthread_cond_init: \(SystemError.text(result))")
    }

    deinit {
        unsafe pthread_cond_destroy(raw)
        unsafe raw.deallocate()
    }

    /// Has one of the threads that wait look again.
    func wakeOne() { unsafe pthread_cond_signal(raw) }

    /// Has all threads that wait look again.
    func wakeAll() { unsafe pthread_cond_broadcast(raw) }
}

/// What a look at a locked value came to.
enum Look<Outcome> {
    case found(Outcome)
    /// Nothing yet: look again when woken, and at this time if there is one.
    case wait(until: MonotonicTime?)
}
