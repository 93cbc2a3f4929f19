import Glibc

/// The file of a listening UNIX socket: who may have its path, its permissions, and its removal (X1).
final class SocketFile {
    private let address: SocketAddress
    private let path: FilePath
    private let mode: mode_t
    private let usesLock: Bool
    private var lock: FileLock?
    /// Which file is ours. As long as the socket is open no other one can have the same identity.
    private var identity: FileStatus.Identity?
    /// The process that bound it: what a child process inherits is not the child's to remove.
    private var owner = getpid()

    init(_ address: SocketAddress, mode: mode_t, usesLock: Bool) {
        self.address = address
        path = FilePath(text: address.host)
        self.mode = mode
        self.usesLock = usesLock
    }

    /// Where the lock of a socket is.
    static func lockPath(of path: String) -> FilePath { FilePath(text: path + ".lock") }

    /// Gives the socket its path. Whatever this throws, `remove()` has to be called some time.
    func bind(_ socket: Socket) throws(CannotListenError) {
        owner = getpid()
        if usesLock { try takeLock() }
        do throws(SystemError) {
            // The file begins with these permissions, less those of the umask: nobody else gets in
            // before the rest are added.
            try socket.setPermissions(mode)
            try socket.bind(to: address)
            let status = try path.status()
            identity = status.identity
            if status.permissions != mode { try path.setPermissions(mode) }
        } catch {
            throw CannotListenError(.unix(path: path.text), error)
        }
    }

    /// Removes the file, if it is ours still, and gives up the lock. The socket must be open. In a child process of the one that
    /// bound it, leaves both as they are.
    func remove() {
        guard owner == getpid() else {
            identity = nil
            lock.take()?.forget()
            return
        }
        if let identity = identity.take(), (try? path.status())?.identity == identity { path.unlink() }
        lock.take()?.release()
    }

    private func takeLock() throws(CannotListenError) {
        let lockPath = Self.lockPath(of: path.text)
        do throws(SystemError) { lock = try FileLock(lockPath) } catch {
            let isHeld = error.errno == EWOULDBLOCK
            throw CannotListenError(
                .unix(path: path.text),
                isHeld ? "another server holds \(lockPath.text)" : "\(lockPath.text): \(SystemError.text(error.errno))",
                errno: isHeld ? EADDRINUSE : error.errno)
        }
        // Left behind by a server that did not end in good order. Anything else is for bind(2) to refuse.
        if (try? path.status())?.isSocket == true, isAbandoned { path.unlink() }
    }

    private var isAbandoned: Bool {
        guard let probe = try? Socket.openStream(for: address) else { return false }
        defer { probe.close() }
        do throws(SystemError) { try probe.connect(to: address) } catch { return error.errno == ECONNREFUSED }
        return false
    }
}
