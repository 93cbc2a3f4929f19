import Glibc

/// The system calls on an open file that is being sent.
struct File {
    let descriptor: CInt

    /// Opens a file for reading, close-on-exec.
    init(path: String) throws(SystemError) {
        descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw SystemError(errno, "open") }
    }

    /// The same file by a descriptor of our own.
    init(duplicating original: CInt) throws(SystemError) {
        descriptor = try Descriptor.copy(of: original)
    }

    func close() { _ = Glibc.close(descriptor) }

    /// Its length in bytes now. Fails with `EINVAL` on what is not a regular file.
    func size() throws(SystemError) -> Int {
        let status = try FileStatus(ofDescriptor: descriptor)
        guard status.isRegular else { throw SystemError(EINVAL, "fstat") }
        return status.size
    }

    /// Reads at most `count` bytes at `offset`; fewer only at the end of the file.
    func read(at offset: Int, _ count: Int) throws(SystemError) -> [UInt8] {
        var failure: CInt = 0
        let bytes = unsafe [UInt8](capacity: count) { room in
            var filled = 0
            while filled < count {
                let read = unsafe pread(descriptor, room.baseAddress! + filled, count - filled, off_t(offset + filled))
                if read > 0 {
                    filled += read
                } else if read == 0 || errno != EINTR {
                    failure = read == 0 ? 0 : errno
                    break
                }
            }
            return filled
        }
        guard failure == 0 else { throw SystemError(failure, "pread") }
        return bytes
    }
}
