internal import Glibc
internal import Spindle

/// What was wrong last, for each thread: what spindle_last_error() tells.
enum LastError {
    /// Each thread has a buffer of its own, and one only: who still holds the pointer sees the newest text.
    private static let capacity = 512

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let result = unsafe pthread_key_create(&key) { unsafe free($0) }
        precondition(result == 0, "\(SystemError(result, "pthread_key_create"))")
        return key
    }()

    /// The text of the calling thread.
    static var text: UnsafeMutablePointer<CChar> {
        if let buffer = unsafe pthread_getspecific(key) { return unsafe buffer.assumingMemoryBound(to: CChar.self) }
        guard let buffer = unsafe calloc(capacity, 1) else { fatalError("out of memory") }
        unsafe pthread_setspecific(key, buffer)
        return unsafe buffer.assumingMemoryBound(to: CChar.self)
    }

    /// Notes what was wrong with a call of `function`; returns the code for it.
    static func set(_ function: StaticString, _ error: any Error) -> CInt {
        let name = "\(function)".prefix { $0 != "(" }
        unsafe strncpy(text, "\(name): \(error)", capacity - 1)
        return Status(error).rawValue
    }
}
