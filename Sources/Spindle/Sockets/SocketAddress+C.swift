package import Glibc

// The only file that says sockaddr: how addresses go to the kernel and come back.

extension SocketAddress {
    /// Copies what `accept` or `getsockname` filled in.
    package init(_ address: UnsafePointer<sockaddr>, _ length: socklen_t) {
        let bytes = unsafe UnsafeRawPointer(address)
        switch unsafe Int32(address.pointee.sa_family) {
        case AF_INET:
            let v4 = unsafe bytes.loadUnaligned(as: sockaddr_in.self)
            self.init(.ipv4(UInt32(bigEndian: v4.sin_addr.s_addr), port: UInt16(bigEndian: v4.sin_port)))
        case AF_INET6:
            let v6 = unsafe bytes.loadUnaligned(as: sockaddr_in6.self)
            let halves = unsafe withUnsafeBytes(of: v6.sin6_addr) { unsafe $0.load(as: (UInt64, UInt64).self) }
            let address = IPv6(
                high: UInt64(bigEndian: halves.0), low: UInt64(bigEndian: halves.1), scope: v6.sin6_scope_id)
            self.init(.ipv6(address, port: UInt16(bigEndian: v6.sin6_port)))
        default:
            let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)!
            var path = unsafe [UInt8](
                UnsafeRawBufferPointer(start: bytes + offset, count: max(0, Int(length) - offset)))
            // A path is zero-terminated, an abstract name begins with a zero and has only a length.
            if let first = path.first, first != 0, let end = path.firstIndex(of: 0) { path.removeSubrange(end...) }
            self.init(.unix(path))
        }
    }

    /// The addresses in a list of getaddrinfo's, or of something that imitates it.
    package static func addresses(in list: UnsafeMutablePointer<addrinfo>?) -> [SocketAddress] {
        var addresses: [SocketAddress] = []
        var entry = unsafe list
        while let info = unsafe entry {
            if let address = unsafe info.pointee.ai_addr {
                addresses.append(unsafe SocketAddress(address, info.pointee.ai_addrlen))
            }
            unsafe entry = info.pointee.ai_next
        }
        return addresses
    }

    /// Hands `body` the address as the kernel wants it.
    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        func pass<Address>(_ address: Address, _ length: Int = MemoryLayout<Address>.size) -> Result {
            unsafe withUnsafeBytes(of: address) { bytes in
                unsafe body(bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(length))
            }
        }
        switch storage {
        case .ipv4(let address, let port):
            var v4 = sockaddr_in()
            v4.sin_family = sa_family_t(AF_INET)
            v4.sin_port = port.bigEndian
            v4.sin_addr.s_addr = address.bigEndian
            return pass(v4)
        case .ipv6(let address, let port):
            var v6 = sockaddr_in6()
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = port.bigEndian
            v6.sin6_scope_id = address.scope
            v6.sin6_addr = address.raw
            return pass(v6)
        case .unix(let path):
            var un = sockaddr_un()
            un.sun_family = sa_family_t(AF_UNIX)
            let capacity = MemoryLayout.size(ofValue: un.sun_path)
            let count = min(path.count, capacity)
            unsafe withUnsafeMutableBytes(of: &un.sun_path) { unsafe $0.copyBytes(from: path.prefix(count)) }
            // A path is counted with its terminating zero, if there is room for one; an abstract name and
            // no name have none.
            let terminator = path.isEmpty || path.first == 0 || count == capacity ? 0 : 1
            return pass(un, MemoryLayout<sockaddr_un>.offset(of: \.sun_path)! + count + terminator)
        }
    }

    /// The `AF_…` constant of the address's family.
    var rawFamily: Int32 {
        switch storage {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        case .unix: AF_UNIX
        }
    }
}

extension SocketAddress.IPv6 {
    fileprivate var raw: in6_addr {
        unsafe unsafeBitCast((high.bigEndian, low.bigEndian), to: in6_addr.self)
    }

    /// The address in its shortest form, with the scope's interface name where there is one.
    var text: String {
        var address = raw
        let numeric = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            unsafe inet_ntop(AF_INET6, &address, buffer.baseAddress, socklen_t(buffer.count))
            return unsafe String(cString: buffer.baseAddress!)
        }
        guard scope != 0 else { return numeric }
        let name = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(IF_NAMESIZE)) { buffer in
            unsafe if_indextoname(scope, buffer.baseAddress).map { unsafe String(cString: $0) }
        }
        return "\(numeric)%\(name ?? String(scope))"
    }
}
