import Glibc

/// What kind of file something is, who may use it, and which one it is.
struct FileStatus {
    /// Tells files apart, whatever they are called, as long as they exist.
    struct Identity: Hashable {
        let device: dev_t
        let number: ino_t
    }

    let identity: Identity
    /// Bytes, of a regular file.
    let size: Int
    private let mode: mode_t

    init(_ status: stat) {
        identity = Identity(device: status.st_dev, number: status.st_ino)
        size = Int(status.st_size)
        mode = status.st_mode
    }

    init(ofDescriptor descriptor: CInt) throws(SystemError) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw SystemError(errno, "fstat") }
        self.init(status)
    }

    var isSocket: Bool { mode & S_IFMT == S_IFSOCK }
    var isRegular: Bool { mode & S_IFMT == S_IFREG }
    var permissions: mode_t { mode & 0o7777 }
}
