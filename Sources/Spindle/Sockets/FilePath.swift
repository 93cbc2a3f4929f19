import Glibc

/// The system calls on one name in the file system. None of them follows a symbolic link.
struct FilePath {
    let text: String

    func status() throws(SystemError) -> FileStatus {
        var status = stat()
        guard unsafe lstat(text, &status) == 0 else { throw SystemError(errno, "lstat") }
        return FileStatus(status)
    }

    func setPermissions(_ mode: mode_t) throws(SystemError) {
        guard unsafe fchmodat(AT_FDCWD, text, mode, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw SystemError(errno, "fchmodat")
        }
    }

    func unlink() { _ = unsafe Glibc.unlink(text) }
}
