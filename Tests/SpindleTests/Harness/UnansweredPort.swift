import Glibc

/// A port of 127.0.0.1 that is taken, so that no test running beside gets it, and where nobody answers.
final class UnansweredPort {
    let number: Int
    private let descriptor: CInt

    /// Where connecting is refused: nobody listens.
    static func refusing() -> UnansweredPort { UnansweredPort(SOCK_STREAM) }

    /// Where datagrams are taken in.
    static func deaf() -> UnansweredPort { UnansweredPort(SOCK_DGRAM) }

    private init(_ type: __socket_type) {
        let descriptor = socket(AF_INET, Int32(type.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                let result = bind(descriptor, address, length)
                precondition(result == 0, "bind: \(errno)")
                getsockname(descriptor, address, &length)
            }
        }
        self.descriptor = descriptor
        number = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(descriptor) }
}
