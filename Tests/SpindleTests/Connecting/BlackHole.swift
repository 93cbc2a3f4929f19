import Glibc
import Spindle

/// An address on the loopback interface where connecting neither works nor fails: somebody listens,
/// but the queue is full, and the kernel drops whatever else knocks.
final class BlackHole {
    let address: SocketAddress
    private let descriptors: [CInt]

    struct Unavailable: Error {
        let call: String
        let errno: CInt
    }

    init(ipv6: Bool = false) throws {
        let listener = socket(ipv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var descriptors = [listener]
        var storage = sockaddr_storage()
        var length = socklen_t(ipv6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size)
        storage.ss_family = sa_family_t(ipv6 ? AF_INET6 : AF_INET)
        let port = try withUnsafeMutableBytes(of: &storage) { bytes -> Int in
            if ipv6 {
                bytes[23] = 1
            } else {
                bytes[4] = 127
                bytes[7] = 1
            }
            let address = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
            guard bind(listener, address, length) == 0, listen(listener, 0) == 0,
                getsockname(listener, address, &length) == 0
            else { throw Unavailable(call: "listen", errno: errno) }
            // The kernel completes one connection for a queue of none, and answers nobody else.
            for _ in 0..<4 {
                let filler = socket(
                    Int32(address.pointee.sa_family), Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
                _ = connect(filler, address, length)
                descriptors.append(filler)
            }
            return Int(bytes[2]) << 8 | Int(bytes[3])
        }
        address = try SocketAddress(ipv6 ? "::1" : "127.0.0.1", port: port)
        self.descriptors = descriptors
    }

    deinit { for descriptor in descriptors { close(descriptor) } }

    static let hasIPv6 = (try? BlackHole(ipv6: true)) != nil
}
