internal import CLinux
import Glibc

/// The system calls on one socket. A copy of its number, not its owner: whoever opened it closes it, once.
///
/// What is read and written in its place, such as a pair of pipes, has a ``StandardStream``.
struct Socket {
    let descriptor: CInt
    let standardStream: StandardStream?

    /// Opens a non-blocking, close-on-exec stream socket of an address's family.
    static func openStream(for address: SocketAddress) throws(SystemError) -> Socket {
        let flags = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.rawFamily, flags, 0)
        guard descriptor >= 0 else { throw SystemError(Glibc.errno, "socket") }
        return Socket(descriptor: descriptor)
    }

    init(descriptor: CInt) {
        self.descriptor = descriptor
        standardStream = nil
    }

    /// What is read from one descriptor and written to another one.
    init(reading descriptor: CInt, _ standardStream: StandardStream) {
        self.descriptor = descriptor
        self.standardStream = standardStream
    }

    /// The same socket by a descriptor of our own.
    init(duplicating original: CInt) throws(SystemError) {
        self.init(descriptor: try Descriptor.copy(of: original))
    }

    /// Makes all copies of the descriptor non-blocking: that belongs to the socket behind them.
    func setNonBlocking() throws(SystemError) {
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 else {
            throw SystemError(errno, "fcntl (F_SETFL)")
        }
    }

    func close() {
        standardStream?.end(input: descriptor)
        _ = Glibc.close(descriptor)
    }

    /// Where it is written to.
    var output: CInt { standardStream?.output ?? descriptor }

    /// Keeps programs that this one starts from having it. False if it is not open.
    func closeOnExec() -> Bool { fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 }

    // MARK: - What it is

    var isStream: Bool { get throws(SystemError) { try number(SO_TYPE) == Int32(SOCK_STREAM.rawValue) } }
    var isListening: Bool { get throws(SystemError) { try number(SO_ACCEPTCONN) != 0 } }

    private func number(_ option: CInt) throws(SystemError) -> CInt {
        var value: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, option, &value, &length) == 0 else {
            throw SystemError(errno, "getsockopt")
        }
        return value
    }

    // MARK: - Listening and connecting

    func bind(to address: SocketAddress) throws(SystemError) {
        let result = unsafe address.withSockaddr { unsafe Glibc.bind(descriptor, $0, $1) }
        guard result == 0 else { throw SystemError(errno, "bind") }
    }

    /// - Parameter backlog: nil for as much as the kernel allows, which cuts what is asked for down to that.
    func listen(backlog: Int?) throws(SystemError) {
        guard Glibc.listen(descriptor, Int32(clamping: backlog ?? .max)) == 0 else {
            throw SystemError(errno, "listen")
        }
    }

    /// The permissions that a file made by `bind` begins with, less those of the umask.
    func setPermissions(_ mode: mode_t) throws(SystemError) {
        guard fchmod(descriptor, mode) == 0 else { throw SystemError(errno, "fchmod") }
    }

    /// How many connections wait to be accepted; where the kernel does not tell, how many may.
    var waitingCount: Int {
        var status = tcp_info()
        var length = socklen_t(MemoryLayout<tcp_info>.size)
        // Of a listening socket this is the length of its queue.
        let result = unsafe getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &status, &length)
        return result == 0 ? Int(status.tcpi_unacked) : Int(SOMAXCONN)
    }

    /// Accepts the connection that has waited longest; nil when none waits.
    func acceptNext() throws(SystemError) -> DealtConnection? {
        var accepted: CInt = -1
        do throws(SystemError) {
            let peer = unsafe try address("accept4") {
                unsafe accepted = spindle_accept(descriptor, $0, $1)
                return min(accepted, 0)
            }
            return DealtConnection(Socket(descriptor: accepted), peer)
        } catch {
            if error.errno == EAGAIN { return nil }
            throw error
        }
    }

    /// Takes the connection that has waited longest and hangs up on it. False when none waits, or it cannot be done.
    func turnAwayNext() -> Bool {
        let descriptor = accept(descriptor, nil, nil)
        guard descriptor >= 0 else { return false }
        Socket(descriptor: descriptor).close()
        return true
    }

    /// Starts connecting. The socket becomes writable when that has succeeded or failed; `takeError` tells which.
    func connect(to address: SocketAddress) throws(SystemError) {
        let result = unsafe address.withSockaddr { unsafe Glibc.connect(descriptor, $0, $1) }
        guard result == 0 || errno == EINPROGRESS || errno == EINTR else { throw SystemError(errno, "connect") }
    }

    /// Takes the error that the kernel has noted for the socket, if there is one.
    func takeError() -> SystemError? {
        guard standardStream == nil else { return nil }
        var code: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        let result = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
        if result != 0 { return SystemError(errno, "getsockopt") }
        return code == 0 ? nil : SystemError(code, "connect")
    }

    func localAddress() throws(SystemError) -> SocketAddress {
        guard standardStream == nil else { return .unnamed }
        return unsafe try address("getsockname") { unsafe getsockname(descriptor, $0, $1) }
    }

    /// Fails with `ENOTCONN` on a socket that is not connected.
    func peerAddress() throws(SystemError) -> SocketAddress {
        unsafe try address("getpeername") { unsafe getpeername(descriptor, $0, $1) }
    }

    private func address(
        _ call: String, _ ask: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> CInt
    ) throws(SystemError) -> SocketAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let address: SocketAddress? = unsafe withUnsafeMutablePointer(to: &storage) { storage in
            unsafe storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe ask(address, &length) == 0 ? SocketAddress(address, length) : nil
            }
        }
        guard let address else { throw SystemError(errno, call) }
        return address
    }

    // MARK: - Sending

    enum SendOutcome {
        /// The kernel took this many bytes; fewer than there were means that it is full.
        case sent(Int)
        case failed(SystemError)
    }

    /// Sends `data` with one system call and without raising SIGPIPE.
    func send(_ data: RawSpan) -> SendOutcome {
        unsafe data.withUnsafeBytes { bytes in
            Self.retrying {
                if let standardStream { return unsafe write(standardStream.output, bytes.baseAddress, bytes.count) }
                return unsafe Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            }
        }
    }

    @inline(__always)
    static func retrying(_ call: () -> Int) -> SendOutcome {
        while true {
            let count = call()
            if count >= 0 { return .sent(count) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .sent(0)
            default: return .failed(SystemError(errno, "send"))
            }
        }
    }

    /// Looks at what would be received, and leaves it there.
    func peek() -> ReceiveBuffer.Outcome {
        if standardStream != nil { return StandardStream.peek(descriptor) }
        var byte: UInt8 = 0
        let count = unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK))
        if count > 0 { return .received(count) }
        if count == 0 { return .end }
        return errno == EAGAIN || errno == EINTR ? .empty : .failed(SystemError(errno, "recv"))
    }

    /// How many bytes wait to be received; 0 if the kernel cannot tell.
    var unreadCount: Int {
        var count: CInt = 0
        return unsafe ioctl(descriptor, UInt(FIONREAD), &count) == 0 ? Int(count) : 0
    }

    /// Whether nothing can be sent or received any more, because the other side is gone.
    var hasHungUp: Bool {
        var watched = pollfd(fd: descriptor, events: 0, revents: 0)
        return unsafe poll(&watched, 1, 0) == 1 && Int32(watched.revents) & POLLHUP != 0
    }

    /// Whether the peer has finished sending, with something before that unread, perhaps.
    var peerHasShutDown: Bool {
        var watched = pollfd(fd: descriptor, events: Int16(EPOLLRDHUP.rawValue), revents: 0)
        return unsafe poll(&watched, 1, 0) == 1 && UInt32(watched.revents) & EPOLLRDHUP.rawValue != 0
    }

    // MARK: - Closing

    /// Tells the peer that nothing more will come, once what was sent has reached it.
    func shutdownWriting() {
        if let standardStream { standardStream.endOutput() } else { _ = shutdown(descriptor, Int32(SHUT_WR)) }
    }

    /// How many bytes the peer has not acknowledged yet; 0 if the kernel cannot tell.
    var unacknowledgedCount: Int {
        var count: CInt = 0
        return unsafe ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 ? Int(count) : 0
    }

    /// Whether the kernel holds output that it could not even send yet, for want of room at the peer.
    var hasUnsentOutput: Bool {
        var count: CInt = 0
        // SIOCOUTQNSD, which is in no header that Swift sees. UNIX sockets have no such thing.
        return unsafe ioctl(descriptor, 0x894B, &count) == 0 && count > 0
    }

    /// Makes `close` drop what is unsent and reset the connection.
    func resetOnClose() {
        var setting = linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &setting, socklen_t(MemoryLayout<linger>.size))
    }

    // MARK: - Options

    subscript(option: Option) -> Bool {
        get {
            var value: CInt = 0
            var length = socklen_t(MemoryLayout<CInt>.size)
            return unsafe getsockopt(descriptor, option.level, option.name, &value, &length) == 0 && value != 0
        }
        nonmutating set {
            var value: CInt = newValue ? 1 : 0
            _ = unsafe setsockopt(descriptor, option.level, option.name, &value, socklen_t(MemoryLayout<CInt>.size))
        }
    }

    /// A socket option that is on or off.
    struct Option {
        fileprivate let level: CInt
        fileprivate let name: CInt

        /// Small writes go out at once instead of waiting for the last one's acknowledgement.
        static let noDelay = Option(level: CInt(IPPROTO_TCP), name: TCP_NODELAY)
        /// The kernel probes a silent peer now and then.
        static let keepAlive = Option(level: SOL_SOCKET, name: SO_KEEPALIVE)
        /// A listening port may be taken over while old connections on it are still dying away.
        static let reuseAddress = Option(level: SOL_SOCKET, name: SO_REUSEADDR)
    }
}
