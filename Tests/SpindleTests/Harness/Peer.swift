import Glibc
import Spindle
import Synchronization

/// The other end of a connection under test: a plain blocking socket that can do what peers do,
/// the rude things included. Used on a thread of its own. Every call gives up after ten seconds.
final class Peer: Sendable {
    let descriptor: CInt
    private let isClosed = Atomic(false)

    private init(_ descriptor: CInt) { self.descriptor = descriptor }

    deinit { close() }

    struct Failure: Error, CustomStringConvertible {
        let call: String
        let errno: CInt
        var description: String { "peer: \(call): \(String(cString: strerror(errno)))" }
    }

    // MARK: - Coming to be

    /// Close-on-exec: a program that another test starts would keep this connection open.
    private static let streamType = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)

    static func connect(to address: SocketAddress, receiveBuffer: CInt? = nil) throws -> Peer {
        let families: [SocketAddress.Family: CInt] = [.ipv4: AF_INET, .ipv6: AF_INET6, .unix: AF_UNIX]
        let peer = Peer(socket(families[address.family]!, streamType, 0))
        peer.setUp(receiveBuffer: receiveBuffer)
        let result = withSockaddr(address) { Glibc.connect(peer.descriptor, $0, $1) }
        guard result == 0 else { throw Failure(call: "connect", errno: errno) }
        return peer
    }

    /// A listening socket on the loopback interface, for testing clients.
    static func listener(backlog: CInt = 16) throws -> (socket: Peer, port: Int) {
        let listener = Peer(socket(AF_INET, streamType, 0))
        listener.setUp()
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard bind(listener.descriptor, address, length) == 0, listen(listener.descriptor, backlog) == 0,
                    getsockname(listener.descriptor, address, &length) == 0
                else { throw Failure(call: "listen", errno: errno) }
            }
            return (listener, Int(UInt16(bigEndian: pointer.pointee.sin_port)))
        }
    }

    /// A listening UNIX socket.
    static func listener(at path: String, backlog: CInt = 16) throws -> Peer {
        let listener = Peer(socket(AF_UNIX, streamType, 0))
        listener.setUp()
        let bound = withSockaddr(try SocketAddress(unix: path)) { bind(listener.descriptor, $0, $1) }
        guard bound == 0, listen(listener.descriptor, backlog) == 0 else {
            throw Failure(call: "listen", errno: errno)
        }
        return listener
    }

    /// The two ends of a socket pair.
    static func pair() throws -> (Peer, Peer) {
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, streamType, 0, &ends) == 0 else {
            throw Failure(call: "socketpair", errno: errno)
        }
        let pair = (Peer(ends[0]), Peer(ends[1]))
        pair.0.setUp()
        pair.1.setUp()
        return pair
    }

    /// The two ends of a TCP connection.
    static func tcpPair(receiveBuffer: CInt? = nil) throws -> (Peer, Peer) {
        let (listener, port) = try listener()
        defer { listener.close() }
        let first = try connect(to: SocketAddress("127.0.0.1", port: port))
        return (first, try listener.accept(receiveBuffer: receiveBuffer))
    }

    /// Leaves the file of a socket behind that nobody listens on any more.
    static func abandonListener(at path: String) throws {
        try listener(at: path).close()
        // A program that is being started at this moment has a copy until it runs.
        var attempts = 0
        while attempts < 10_000, (try? connect(to: SocketAddress(unix: path))) != nil {
            attempts += 1
            usleep(1000)
        }
    }

    /// A connection attempt that is under way and that nobody waits for.
    static func startConnecting(toPort port: Int) -> Peer {
        let peer = Peer(socket(AF_INET, streamType | Int32(SOCK_NONBLOCK.rawValue), 0))
        if let address = try? SocketAddress("127.0.0.1", port: port) {
            _ = withSockaddr(address) { Glibc.connect(peer.descriptor, $0, $1) }
        }
        return peer
    }

    func accept(receiveBuffer: CInt? = nil) throws -> Peer {
        // Inherited by the accepted socket, which has to have it before its window is advertised.
        setUp(receiveBuffer: receiveBuffer)
        let accepted = Glibc.accept(descriptor, nil, nil)
        guard accepted >= 0 else { throw Failure(call: "accept", errno: errno) }
        _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
        let peer = Peer(accepted)
        peer.setUp()
        return peer
    }

    private func setUp(receiveBuffer: CInt? = nil) {
        var limit = timeval(tv_sec: 10 * Patience.factor, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<CInt>.size))
        }
    }

    // MARK: - Doing things

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(call: "send", errno: errno) }
            sent += count
        }
    }

    /// Receives what there is, at least a byte; nothing means that the other side has finished.
    func receiveSome(atMost limit: Int = 65_536) throws -> [UInt8] {
        var failure: CInt = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            let received = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if received < 0 { failure = errno }
            count = max(0, received)
        }
        if failure != 0 { throw Failure(call: "recv", errno: failure) }
        return bytes
    }

    /// Receives exactly this many bytes.
    func receive(_ count: Int) throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            let some = try receiveSome(atMost: count - all.count)
            if some.isEmpty { throw Failure(call: "recv (early end)", errno: 0) }
            all += some
        }
        return all
    }

    /// Waits for this many bytes and leaves them where they are.
    func peek(_ count: Int) throws {
        var buffer = [UInt8](repeating: 0, count: count)
        let peeked = recv(descriptor, &buffer, count, Int32(MSG_PEEK | MSG_WAITALL))
        guard peeked == count else { throw Failure(call: "recv (MSG_PEEK)", errno: errno) }
    }

    func receiveText(_ count: Int) throws -> String { String(decoding: try receive(count), as: UTF8.self) }

    /// Receives until the other side has finished.
    func receiveToEnd() throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let some = try receiveSome()
            if some.isEmpty { return all }
            all += some
        }
    }

    /// Waits for the connection's end and returns the error it ends with, or 0 for a clean one.
    func waitForEnd() -> CInt {
        do {
            _ = try receiveToEnd()
            return 0
        } catch { return (error as? Failure)?.errno ?? -1 }
    }

    /// Waits, reading nothing, until the connection breaks, and returns the error.
    func waitUnread() -> CInt {
        var watched = pollfd(fd: descriptor, events: 0, revents: 0)
        guard poll(&watched, 1, 10_000 * CInt(Patience.factor)) == 1 else { return -1 }
        var code: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
        return code
    }

    /// Sends this many bytes of an endless pattern.
    func send(_ total: Int, of pattern: Pattern) throws {
        var sent = 0
        while sent < total {
            let start = sent % pattern.bytes.count
            let count = min(pattern.bytes.count - start, total - sent)
            let result = pattern.bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + start, count, Int32(MSG_NOSIGNAL))
            }
            guard result > 0 else { throw Failure(call: "send", errno: errno) }
            sent += result
        }
    }

    /// Receives until the other side has finished, and returns how many bytes came that were those
    /// of the pattern. Throws at the first that was not.
    func receiveToEnd(comparingWith pattern: Pattern) throws -> Int {
        var received = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let start = received % pattern.bytes.count
            let count = recv(descriptor, &buffer, min(buffer.count, pattern.bytes.count - start), 0)
            if count == 0 { return received }
            guard count > 0 else { throw Failure(call: "recv", errno: errno) }
            let isEqual = pattern.bytes.withUnsafeBytes { memcmp($0.baseAddress! + start, buffer, count) == 0 }
            guard isEqual else { throw Failure(call: "compare, after \(received) bytes", errno: 0) }
            received += count
        }
    }

    /// Bytes that repeat with a period that is a prime, so that a lost or doubled block cannot go unnoticed.
    struct Pattern: Sendable {
        let bytes: [UInt8]
        static let reference = Pattern(bytes: (0..<65_537).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) })

        /// So many bytes of it, from the beginning, over and over. Not byte by byte: sanitizers look at each.
        func repeated(to count: Int) -> [UInt8] {
            var all: [UInt8] = []
            all.reserveCapacity(count + bytes.count)
            while all.count < count { all += bytes }
            return Array(all[..<count])
        }
    }

    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Closes with a reset, where there is such a thing.
    func reset() {
        var setting = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &setting, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    /// Closes the socket. The number is gone then, and the next one who opens something gets it.
    func close() {
        guard isClosed.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else { return }
        _ = Glibc.close(descriptor)
    }

    /// How many segments with data have come in: on the loopback interface without Nagle's
    /// algorithm, how often the other side called send.
    var segmentsReceived: Int {
        var info = [UInt8](repeating: 0, count: 256)
        var length = socklen_t(info.count)
        getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &info, &length)
        // Where the kernel has tcpi_data_segs_in; glibc's own structure ends short of it.
        return Int(info.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 152, as: UInt32.self) })
    }

    /// The port at the other end of an IPv4 connection of this process; 0 if the number is none.
    static func remotePort(of descriptor: CInt) -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &length) }
        }
        return result == 0 ? UInt16(bigEndian: address.sin_port) : 0
    }

    private static func withSockaddr<Result>(
        _ address: SocketAddress, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        func pass<Address>(_ value: Address) -> Result {
            withUnsafeBytes(of: value) {
                body($0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(MemoryLayout<Address>.size))
            }
        }
        if address.family == .unix {
            var un = sockaddr_un()
            un.sun_family = sa_family_t(AF_UNIX)
            // Written with an @, an abstract name begins with a zero byte, and it ends where the address ends.
            let isAbstract = address.host.utf8.first == UInt8(ascii: "@")
            let name = isAbstract ? [0] + Array(address.host.utf8.dropFirst()) : Array(address.host.utf8) + [0]
            withUnsafeMutableBytes(of: &un.sun_path) { $0.copyBytes(from: name) }
            return withUnsafeBytes(of: un) {
                body(
                    $0.baseAddress!.assumingMemoryBound(to: sockaddr.self),
                    socklen_t(MemoryLayout<sockaddr_un>.offset(of: \.sun_path)! + name.count))
            }
        }
        let port = UInt16(address.port ?? 0).bigEndian
        if address.family == .ipv6 {
            var v6 = sockaddr_in6()
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = port
            inet_pton(AF_INET6, address.host, &v6.sin6_addr)
            return pass(v6)
        }
        var v4 = sockaddr_in()
        v4.sin_family = sa_family_t(AF_INET)
        v4.sin_port = port
        inet_pton(AF_INET, address.host, &v4.sin_addr)
        return pass(v4)
    }
}
