import Glibc

extension SocketAddress.Storage {
    /// Parses a numeric host, or returns nil.
    init?(numericHost host: String, port: UInt16) {
        var v4 = in_addr()
        if unsafe inet_pton(AF_INET, host, &v4) == 1 {
            self = .ipv4(UInt32(bigEndian: v4.s_addr), port: port)
            return
        }
        let parts = host.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        var v6 = in6_addr()
        guard let numeric = parts.first, unsafe inet_pton(AF_INET6, String(numeric), &v6) == 1 else { return nil }
        var scope: UInt32 = 0
        if parts.count == 2 {
            scope = unsafe UInt32(parts[1]) ?? if_nametoindex(String(parts[1]))
            guard scope != 0 else { return nil }
        }
        let halves = unsafe unsafeBitCast(v6, to: (UInt64, UInt64).self)
        self = .ipv6(
            .init(high: UInt64(bigEndian: halves.0), low: UInt64(bigEndian: halves.1), scope: scope), port: port)
    }
}
