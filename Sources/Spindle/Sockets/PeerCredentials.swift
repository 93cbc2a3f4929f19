import Glibc

/// Who is at the other end of a UNIX socket: the process that connected to us, or that listened, as the
/// kernel knew it then.
public struct PeerCredentials: Hashable, Sendable, CustomStringConvertible {
    /// The process; 0 if it is invisible from here. It may have ended, and the number be another's.
    public let pid: Int32
    /// The effective user.
    public let uid: UInt32
    /// The effective group.
    public let gid: UInt32

    public init(pid: Int32, uid: UInt32, gid: UInt32) {
        self.pid = pid
        self.uid = uid
        self.gid = gid
    }

    public var description: String { "pid \(pid), uid \(uid), gid \(gid)" }
}

extension Socket {
    /// Nil unless it is a connected UNIX socket.
    var peerCredentials: PeerCredentials? {
        // The kernel's `struct ucred`.
        var credentials = PeerCredentials(pid: 0, uid: 0, gid: 0)
        let size = MemoryLayout<PeerCredentials>.size
        var length = socklen_t(size)
        let result = unsafe getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length)
        // Of other sockets nobody is known.
        return result == 0 && Int(length) == size && credentials.uid != UInt32.max ? credentials : nil
    }
}
