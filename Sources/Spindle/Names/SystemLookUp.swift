import Glibc

/// One question to getaddrinfo(3). It may take as long as the system's settings have it, so it is asked on no loop's thread.
enum SystemLookUp {
    /// Looks up the addresses that a name has in one family; none is no error.
    static func ask(_ name: String, _ family: SocketAddress.Family) -> Result<[SocketAddress], any Error> {
        name.utf8.allSatisfy { $0 < 0x80 } ? askAsIs(name, family) : withUnicodeLocale { askAsIs(name, family) }
    }

    private static func askAsIs(_ name: String, _ family: SocketAddress.Family) -> Result<[SocketAddress], any Error> {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = family == .ipv6 ? AF_INET6 : AF_INET
        // One kind of socket, or each address would come once for each.
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        // Without AI_ADDRCONFIG: it hides the addresses of a family that no interface but the loopback
        // has, and with them ::1. An address that cannot be reached fails at once when it is tried.
        unsafe hints.ai_flags = convertNonASCII
        var first: UnsafeMutablePointer<addrinfo>?
        let result = unsafe getaddrinfo(name, nil, &hints, &first)
        let systemError = errno
        defer { if let first = unsafe first { unsafe freeaddrinfo(first) } }
        switch result {
        case 0: return .success(unsafe SocketAddress.addresses(in: first))
        case hasNoAddress, hasNoneOfFamily: return .success([])
        case EAI_SYSTEM: return .failure(DNSLookupError(name: name, reason: SystemError.text(systemError)))
        default: return .failure(DNSLookupError(name: name, reason: unsafe String(cString: gai_strerror(result))))
        }
    }

    /// glibc takes a name to be in the locale's encoding, and in a program that has set no locale that is
    /// ASCII. Changed for this thread alone.
    private static func withUnicodeLocale<Result>(_ body: () -> Result) -> Result {
        guard let unicode = unsafe newlocale(LC_CTYPE_MASK, "C.UTF-8", nil) else { return body() }
        let former = unsafe uselocale(unicode)
        defer {
            unsafe uselocale(former)
            unsafe freelocale(unicode)
        }
        return body()
    }

    // glibc's headers have these for C programs that define _GNU_SOURCE.
    private static let convertNonASCII: Int32 = 0x40  // AI_IDN
    private static let hasNoAddress: Int32 = -5  // EAI_NODATA
    private static let hasNoneOfFamily: Int32 = -9  // EAI_ADDRFAMILY
}
