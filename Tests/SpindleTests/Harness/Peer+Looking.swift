import Glibc

extension Peer {
    /// What a peer would receive now.
    enum Sight: Equatable {
        case nothing
        case text(String)
        case end
        case failure(CInt)
    }

    /// Looks without waiting, and leaves what there is where it is.
    var sight: Sight {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
        if count > 0 { return .text(String(decoding: buffer.prefix(count), as: UTF8.self)) }
        if count == 0 { return .end }
        return errno == EAGAIN ? .nothing : .failure(errno)
    }

    /// How many bytes the other end's kernel has not acknowledged.
    var unacknowledgedCount: Int {
        var count: CInt = 0
        return ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 ? Int(count) : 0
    }

    /// Whether the other side of a descriptor has finished sending, as far as the kernel knows.
    static func hasOtherSideFinished(_ descriptor: CInt) -> Bool {
        var watched = pollfd(fd: descriptor, events: 0x2000, revents: 0)  // POLLRDHUP
        return poll(&watched, 1, 0) == 1
    }

    /// An option of the socket that is a number.
    static func option(_ level: CInt, _ name: CInt, of descriptor: CInt) -> CInt? {
        var value: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(descriptor, level, name, &value, &length) == 0 ? value : nil
    }

    /// The port at this end of an IPv4 socket of this process; 0 if the number is none.
    static func localPort(of descriptor: CInt) -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return result == 0 ? UInt16(bigEndian: address.sin_port) : 0
    }
}
