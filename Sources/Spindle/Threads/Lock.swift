import Glibc

/// A value behind a POSIX mutex.
///
/// Not Synchronization's `Mutex`: ThreadSanitizer cannot see into that one on Linux and takes
/// every use of it for a race (docs/workarounds.md).
@safe
package final class Lock<Value>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var value: Value

    package init(_ value: sending Value) {
        self.value = value
        unsafe mutex.initialize(to: pthread_mutex_t())
        let result = unsafe pthread_mutex_init(mutex, nil)
        precondition(result == 0, "pthread_mutex_init: \(SystemError.text(result))")
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    package func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body(&value)
    }

    /// Looks at the value until that comes to something; in between the lock is free and the thread sleeps.
    ///
    /// Each look is an access of its own: what another thread changes meanwhile is seen by the next.
    func wait<Outcome>(on condition: Condition, _ look: (inout Value) -> Look<Outcome>) -> Outcome {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            switch look(&value) {
            case .found(let outcome): return outcome
            case .wait(until: nil): unsafe pthread_cond_wait(condition.raw, mutex)
            case .wait(let time?):
                var time = time.timespec
                unsafe pthread_cond_timedwait(condition.raw, mutex, &time)
            }
        }
    }
}
