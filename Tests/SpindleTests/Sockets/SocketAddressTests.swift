import Glibc
import TestSupport
import Testing

@testable import Spindle

/// Rule F4 of the contract, as far as it is about addresses: IPv4, IPv6 with scope; and what UNIX sockets are called.
@Suite(.ownThreads) struct SocketAddressTests {
    // MARK: - Parsing and printing

    @Test(
        "F4: a numeric host and a port make an address that prints itself",
        arguments: [
            ("127.0.0.1", 8000, "127.0.0.1:8000"), ("0.0.0.0", 0, "0.0.0.0:0"), ("1.2.3.4", 1, "1.2.3.4:1"),
            ("255.255.255.255", 65_535, "255.255.255.255:65535"), ("::1", 8000, "[::1]:8000"), ("::", 0, "[::]:0"),
            ("2001:DB8::00ff", 443, "[2001:db8::ff]:443"), ("0:0:0:0:0:0:0:1", 1, "[::1]:1"),
            ("fe80:0:0:0:1:2:3:4", 9, "[fe80::1:2:3:4]:9"), ("::ffff:1.2.3.4", 80, "[::ffff:1.2.3.4]:80"),
            ("1:2:3:4:5:6:7:8", 65_535, "[1:2:3:4:5:6:7:8]:65535"),
        ])
    func printing(host: String, port: Int, text: String) throws {
        let address = try SocketAddress(host, port: port)
        #expect(address.description == text)
        #expect("\(address)" == text)
        #expect(address.port == port)
        #expect(address.family == (host.contains(":") ? .ipv6 : .ipv4))
        #expect(address.host == (host.contains(":") ? String(text.dropFirst().prefix { $0 != "]" }) : host))
    }

    @Test("F4: a scope is an interface's name or number, and prints as its name", arguments: ["lo", "1"])
    func scopes(scope: String) throws {
        try #require(if_nametoindex("lo") == 1)
        let address = try SocketAddress("fe80::1%\(scope)", port: 80)
        #expect(address.host == "fe80::1%lo")
        #expect(address.description == "[fe80::1%lo]:80")
        #expect(try SocketAddress(address.host, port: 80) == address)
    }

    @Test("F4: the number of an interface that is not there is kept as it is")
    func unknownScopeNumber() throws {
        let address = try SocketAddress("fe80::1%4000000000", port: 80)
        #expect(address.host == "fe80::1%4000000000")
        #expect(try SocketAddress(address.host, port: 80) == address)
    }

    @Test("F4: random addresses survive being printed and parsed", arguments: 1...2)
    func roundTrips(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<1000 {
            let port = Int.random(in: 0...65_535, using: &generator)
            let v4 = SocketAddress(.ipv4(.random(in: 0 ... .max, using: &generator), port: UInt16(port)))
            // Masked, so that runs of zeros, which are printed shorter, are frequent.
            let mask = generator.next() | generator.next()
            let high = generator.next() & generator.next() & mask
            let low = generator.next() & (Bool.random(using: &generator) ? 0xffff : .max)
            let v6 = SocketAddress(.ipv6(.init(high: high, low: low), port: UInt16(port)))
            for address in [v4, v6] { #expect(try SocketAddress(address.host, port: port) == address) }
        }
    }

    // MARK: - Bad input

    @Test(
        "F4: what is not a numeric address is refused, with an error that shows it",
        arguments: [
            "", " ", "localhost", "127.0.0.1 ", " 127.0.0.1", "127.0.0", "127.0.0.256", "127.0.0.1.1", "127.1",
            "0x7f000001", "[::1]", "::1::", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::",
            "%lo", "fe80::1%", "fe80::1%no-such-interface", "fe80::1%lo%lo", "fe80::1%0", "fe80::1%-1",
            "127.0.0.1%lo", "fe80::1%4294967296", "::1/64", "127.0.0.1:80", "127.0.0.１",
        ])
    func badHosts(host: String) {
        let error = #expect(throws: InvalidAddressError.self) { try SocketAddress(host, port: 80) }
        #expect(error?.host == host)
        #expect(error?.port == 80)
        #expect(error?.description == "\"\(host)\" port 80: not a numeric IPv4 or IPv6 address")
    }

    @Test(
        "F4: an address with something behind a zero byte is refused, not cut off there",
        arguments: ["127.0.0.1\0", "127.0.0.1\0.example.com", "::1\0", "::1\0junk", "fe80::1%lo\0junk"])
    func zeroByte(host: String) {
        #expect(throws: InvalidAddressError.self) { try SocketAddress(host, port: 80) }
    }

    @Test("F4: a port out of range is refused, with an error that shows it", arguments: [-1, 65_536, .max, .min])
    func badPorts(port: Int) {
        let error = #expect(throws: InvalidAddressError.self) { try SocketAddress("127.0.0.1", port: port) }
        #expect(error?.host == "127.0.0.1")
        #expect(error?.port == port)
        #expect(error?.description == "\"127.0.0.1\" port \(port): a port is a number from 0 to 65535")
    }

    // MARK: - Equality

    @Test("F4: addresses are equal when they name the same end, however it was written")
    func equality() throws {
        let same = try ["::1", "0::1", "0:0:0:0:0:0:0:1", "::0001", "::0.0.0.1"].map { try SocketAddress($0, port: 1) }
        #expect(Set(same).count == 1)
        let different = [
            try SocketAddress("::1", port: 1), try SocketAddress("::1", port: 2), try SocketAddress("::2", port: 1),
            try SocketAddress("1::", port: 1), try SocketAddress("127.0.0.1", port: 1),
            try SocketAddress("127.0.0.1", port: 2), try SocketAddress("::ffff:127.0.0.1", port: 1),
            try SocketAddress("fe80::1", port: 1), try SocketAddress("fe80::1%1", port: 1),
            try SocketAddress("fe80::1%2", port: 1), SocketAddress(.unix(Array("/a".utf8))),
            SocketAddress(.unix(Array("\0/a".utf8))), SocketAddress(.unix([])), .unspecified,
        ]
        #expect(Set(different).count == different.count)
    }

    @Test("F4: the unspecified address is nobody's in particular")
    func unspecified() {
        #expect(SocketAddress.unspecified.description == "0.0.0.0:0")
        #expect(SocketAddress.unspecified.isWildcard)
    }

    @Test(
        "F4: wildcards stand for every interface",
        arguments: [("0.0.0.0", true), ("::", true), ("::1", false), ("127.0.0.1", false)])
    func wildcards(host: String, expected: Bool) throws {
        #expect(try SocketAddress(host, port: 80).isWildcard == expected)
    }

    // MARK: - UNIX

    @Test(
        "X1: paths print as they are, abstract names with @ in front",
        arguments: [("/run/app.sock", "/run/app.sock"), ("\0name", "@name"), ("relative", "relative"), ("", "")])
    func unixPrinting(path: String, text: String) {
        let address = SocketAddress(.unix(Array(path.utf8)))
        #expect(address.family == .unix)
        #expect(address.host == text)
        #expect(address.description == "unix:\(text)")
        #expect(address.port == nil)
        #expect(!address.isWildcard)
    }

    // MARK: - To the kernel and back

    @Test("F4: an address comes back from its C form as it went in")
    func cRoundTrip() throws {
        let addresses = [
            try SocketAddress("1.2.3.4", port: 0x1234), try SocketAddress("::1", port: 65_535),
            try SocketAddress("102:304:506:708:90a:b0c:d0e:f10", port: 0x1234),
            try SocketAddress("fe80::1%lo", port: 80), SocketAddress(.unix(Array("/run/app.sock".utf8))),
            SocketAddress(.unix(Array("\0abstract".utf8))), SocketAddress(.unix(Array("\0with\0zeros".utf8))),
        ]
        for address in addresses {
            #expect(address.withSockaddr { SocketAddress($0, $1) } == address)
            #expect(address.withSockaddr { address, _ in Int32(address.pointee.sa_family) } == address.rawFamily)
        }
    }

    @Test("F4: the C form has address and port in network byte order")
    func networkOrder() throws {
        let v4 = try SocketAddress("1.2.3.4", port: 0x0506).withSockaddr {
            Array(UnsafeRawBufferPointer(start: $0, count: Int($1)))
        }
        #expect(v4.count == MemoryLayout<sockaddr_in>.size)
        #expect(Array(v4[2..<8]) == [5, 6, 1, 2, 3, 4])
        let v6 = try SocketAddress("102::f10", port: 0x0506).withSockaddr {
            Array(UnsafeRawBufferPointer(start: $0, count: Int($1)))
        }
        #expect(v6.count == MemoryLayout<sockaddr_in6>.size)
        #expect(Array(v6[2..<4]) == [5, 6])
        #expect(Array(v6[8..<24]) == [1, 2] + [UInt8](repeating: 0, count: 12) + [15, 16])
    }

    @Test("X1: an unnamed socket's address comes back from its C form as it went in")
    func unnamed() {
        #expect(SocketAddress(.unix([])).withSockaddr { SocketAddress($0, $1) } == SocketAddress(.unix([])))
    }

    @Test("X1: a path that fills the C form is read to its end, though no zero byte follows")
    func longestPath() {
        let path = [UInt8](repeating: UInt8(ascii: "p"), count: 108)
        var bytes = sockaddr_un()
        bytes.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &bytes.sun_path) { $0.copyBytes(from: path) }
        let address = withUnsafeBytes(of: bytes) {
            SocketAddress($0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
        }
        #expect(address == SocketAddress(.unix(path)))
    }
}
