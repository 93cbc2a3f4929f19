import Glibc

/// An exclusive lock, held by having a file of its own open and locked: it ends with the process at the latest.
struct FileLock {
    private let path: FilePath
    private let descriptor: CInt

    /// For somebody who looks whether the lock is held, and so holds it for a moment.
    private static let attempts = 5
    private static let pause = timespec(tv_sec: 0, tv_nsec: 1_000_000)

    /// Takes the lock.
    ///
    /// - Throws: EWOULDBLOCK when somebody else has it; what open(2) says when the file cannot be had.
    init(_ path: FilePath) throws(SystemError) {
        self.path = path
        var failures = 0
        while true {
            // O_NONBLOCK is for what may be there instead of a plain file.
            let flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
            let descriptor = unsafe open(path.text, flags, 0o600)
            guard descriptor >= 0 else { throw SystemError(errno, "open") }
            if Self.lock(descriptor, LOCK_EX) {
                // It may have been released, and removed, since it was opened.
                if Self.isFile(descriptor, at: path) {
                    self.descriptor = descriptor
                    return
                }
                close(descriptor)
            } else {
                let error = SystemError(errno, "flock")
                close(descriptor)
                failures += 1
                guard error.errno == EWOULDBLOCK, failures < Self.attempts else { throw error }
                unsafe withUnsafePointer(to: Self.pause) { _ = unsafe nanosleep($0, nil) }
            }
        }
    }

    /// Gives the lock up, and removes its file.
    func release() {
        // While it is held: later it might be the next one's.
        if Self.isFile(descriptor, at: path) { path.unlink() }
        Self.unlock(descriptor)
        close(descriptor)
    }

    /// Whether somebody has the lock now.
    static func isHeld(_ path: FilePath) throws(SystemError) -> Bool {
        let descriptor = unsafe open(path.text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return false }
            throw SystemError(errno, "open")
        }
        defer { close(descriptor) }
        if lock(descriptor, LOCK_SH) {
            unlock(descriptor)
            return false
        }
        guard errno == EWOULDBLOCK else { throw SystemError(errno, "flock") }
        return true
    }

    private static func lock(_ descriptor: CInt, _ kind: CInt) -> Bool {
        while flock(descriptor, kind | LOCK_NB) != 0 {
            guard errno == EINTR else { return false }
        }
        return true
    }

    /// Closing alone would leave it to a process that is being started just now, and has the
    /// descriptor until it runs its program.
    private static func unlock(_ descriptor: CInt) { _ = flock(descriptor, LOCK_UN) }

    private static func isFile(_ descriptor: CInt, at path: FilePath) -> Bool {
        guard let opened = try? FileStatus(ofDescriptor: descriptor), let present = try? path.status() else {
            return false
        }
        return opened.identity == present.identity
    }
}
