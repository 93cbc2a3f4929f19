import Glibc

/// An exclusive lock, held by having a file of its own open and locked: it ends with the process at the latest.
///
/// A lock of the open file (F_OFD_SETLK), not of the process: two ports of one program exclude each other, too. It can
/// be asked after without taking it, which flock(2) does not offer.
struct FileLock {
    private let path: FilePath
    private let descriptor: CInt

    // In <fcntl.h> only for those who define _GNU_SOURCE.
    private static let query: CInt = 36  // F_OFD_GETLK
    private static let set: CInt = 37  // F_OFD_SETLK

    /// Takes the lock.
    ///
    /// - Throws: EAGAIN when somebody else has it; what open(2) says when the file cannot be had.
    init(_ path: FilePath) throws(SystemError) {
        self.path = path
        while true {
            // O_NONBLOCK is for what may be there instead of a plain file.
            let flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
            let descriptor = unsafe open(path.text, flags, 0o600)
            guard descriptor >= 0 else { throw SystemError(errno, "open") }
            do throws(SystemError) { try Self.control(descriptor, Self.set, F_WRLCK) } catch {
                close(descriptor)
                throw error
            }
            // It may have been released, and removed, since it was opened.
            if Self.isFile(descriptor, at: path) {
                self.descriptor = descriptor
                return
            }
            close(descriptor)
        }
    }

    /// Gives the lock up, and removes its file.
    func release() {
        // While it is held: later it might be the next one's.
        if Self.isFile(descriptor, at: path) { path.unlink() }
        // Closing alone would leave it to a process that is being started just now, and has the
        // descriptor until it runs its program.
        _ = try? Self.control(descriptor, Self.set, F_UNLCK)
        close(descriptor)
    }

    /// Leaves the lock to the process that it was inherited from.
    func forget() { close(descriptor) }

    /// Whether somebody has the lock now.
    static func isHeld(_ path: FilePath) throws(SystemError) -> Bool {
        let descriptor = unsafe open(path.text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return false }
            throw SystemError(errno, "open")
        }
        defer { close(descriptor) }
        return try control(descriptor, query, F_WRLCK) != F_UNLCK
    }

    /// Returns the kind of lock that the kernel has filled in.
    @discardableResult
    private static func control(_ descriptor: CInt, _ command: CInt, _ kind: CInt) throws(SystemError) -> CInt {
        var lock = flock(l_type: Int16(kind), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
        guard unsafe fcntl(descriptor, command, &lock) == 0 else { throw SystemError(errno, "fcntl (lock)") }
        return CInt(lock.l_type)
    }

    private static func isFile(_ descriptor: CInt, at path: FilePath) -> Bool {
        guard let opened = try? FileStatus(ofDescriptor: descriptor), let present = try? path.status() else {
            return false
        }
        return opened.identity == present.identity
    }
}
