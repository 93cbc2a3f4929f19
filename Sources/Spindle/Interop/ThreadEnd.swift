import Glibc

/// Tells reactors that the thread they belong to has ended, for then another one may have them: a program may dispatch on a
/// worker, join it, and take everything apart on its main thread.
@safe
enum ThreadEnd {
    /// What a thread keeps of its reactors.
    private final class Owned {
        var handles: [WeakHandle] = []

        func add(_ handle: ReactorHandle) {
            handles.removeAll { $0.handle == nil || $0.handle === handle }
            handles.append(WeakHandle(handle: handle))
        }
    }

    private struct WeakHandle {
        weak var handle: ReactorHandle?
    }

    /// Has `handle` told when the calling thread ends.
    static func tell(_ handle: ReactorHandle) {
        if let known = unsafe pthread_getspecific(key) {
            unsafe Unmanaged<Owned>.fromOpaque(known)._withUnsafeGuaranteedRef { $0.add(handle) }
        } else {
            let owned = Owned()
            owned.add(handle)
            unsafe pthread_setspecific(key, Unmanaged.passRetained(owned).toOpaque())
        }
    }

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let result = unsafe pthread_key_create(&key) {
            guard let owned = unsafe $0 else { return }
            for entry in unsafe Unmanaged<Owned>.fromOpaque(owned).takeRetainedValue().handles {
                entry.handle?.abandon()
            }
        }
        precondition(result == 0, "\(SystemError(result, "pthread_key_create"))")
        return key
    }()
}
