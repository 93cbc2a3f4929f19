/// The address of one end of a connection: IPv4, IPv6 or a UNIX-domain path.
///
/// Twisted's `IPv4Address`, `IPv6Address` and `UNIXAddress` in one value type. Two addresses
/// are equal when they name the same end, scope included.
///
/// ```swift
/// let address = try SocketAddress("::1", port: 8000)
/// print(address)          // [::1]:8000
/// ```
public struct SocketAddress: Hashable, Sendable {
    enum Storage: Hashable, Sendable {
        /// Address and port in host byte order.
        case ipv4(UInt32, port: UInt16)
        case ipv6(IPv6, port: UInt16)
        /// A path, an abstract name (first byte zero) or, for an unnamed socket, nothing.
        case unix([UInt8])
    }

    struct IPv6: Hashable, Sendable {
        /// The 16 bytes of the address as two big-endian halves.
        var high: UInt64
        var low: UInt64
        var scope: UInt32 = 0
    }

    /// The kind of network an address belongs to.
    public enum Family: Hashable, Sendable {
        case ipv4, ipv6, unix
    }

    let storage: Storage

    init(_ storage: Storage) { self.storage = storage }

    /// An address from a numeric host and a port; nothing is looked up.
    ///
    /// - Parameters:
    ///   - host: an IPv4 address such as `127.0.0.1`, or an IPv6 address such as `::1`, with a
    ///     scope where it needs one: `fe80::1%eth0`.
    ///   - port: 0 to 65535.
    /// - Throws: ``InvalidAddressError`` naming what was wrong.
    public init(_ host: String, port: Int) throws(InvalidAddressError) {
        guard let port = UInt16(exactly: port) else {
            throw InvalidAddressError(host: host, port: port, reason: "a port is a number from 0 to 65535")
        }
        // A zero byte would end the text for the parser underneath, whatever comes behind it.
        guard !host.utf8.contains(0), let parsed = Storage(numericHost: host, port: port) else {
            throw InvalidAddressError(host: host, port: Int(port), reason: "not a numeric IPv4 or IPv6 address")
        }
        storage = parsed
    }

    /// The address of a UNIX socket in the file system.
    ///
    /// - Parameter path: up to 107 bytes, which is all that the kernel takes. A relative one begins at the
    ///   working directory that the process has when the address is used.
    /// - Throws: ``InvalidAddressError`` naming what was wrong.
    public init(unix path: String) throws(InvalidAddressError) {
        storage = .unix(try Self.checked(path, "a UNIX socket's path"))
    }

    /// The address of a UNIX socket in Linux's abstract namespace, which leaves no file behind.
    ///
    /// Everybody in the network namespace may connect to it: there are no permissions.
    ///
    /// - Parameter name: up to 107 bytes, without the zero byte that the kernel wants in front.
    /// - Throws: ``InvalidAddressError`` naming what was wrong.
    public init(abstract name: String) throws(InvalidAddressError) {
        storage = .unix([0] + (try Self.checked(name, "an abstract socket name")))
    }

    /// A path, or with a zero byte in front an abstract name: how Twisted has it.
    init(unixOrAbstract name: String) throws(InvalidAddressError) {
        if name.utf8.first == 0 {
            try self.init(abstract: String(name.unicodeScalars.dropFirst()))
        } else {
            try self.init(unix: name)
        }
    }

    private static func checked(_ name: String, _ kind: String) throws(InvalidAddressError) -> [UInt8] {
        let bytes = Array(name.utf8)
        func refuse(_ reason: String) -> InvalidAddressError { InvalidAddressError(host: name, reason: reason) }
        if bytes.isEmpty { throw refuse("\(kind) is not empty") }
        if bytes.contains(0) { throw refuse("\(kind) contains no zero byte") }
        guard bytes.count <= Self.longestPath else {
            throw refuse("\(kind) has at most \(Self.longestPath) bytes, this one has \(bytes.count)")
        }
        return bytes
    }

    /// What the C form has room for beside one zero byte: before a name or behind a path.
    static let longestPath = 107

    /// The address of what has none, such as a pipe.
    static let unnamed = SocketAddress(.unix([]))

    /// No address in particular: what a transport that was never connected reports.
    public static let unspecified = SocketAddress(.ipv4(0, port: 0))

    public var family: Family {
        switch storage {
        case .ipv4: .ipv4
        case .ipv6: .ipv6
        case .unix: .unix
        }
    }

    /// The numeric host without port or brackets, with its scope if it has one; the path of a UNIX address.
    public var host: String {
        switch storage {
        case .ipv4(let address, _):
            (0..<4).map { String(address >> (24 - 8 * $0) & 0xff) }.joined(separator: ".")
        case .ipv6(let address, _): address.text
        case .unix(let path): Self.text(ofPath: path)
        }
    }

    /// The port, or nil for a UNIX address.
    public var port: Int? {
        switch storage {
        case .ipv4(_, let port), .ipv6(_, let port): Int(port)
        case .unix: nil
        }
    }

    /// The same host with another port; nil if that is no port or this is a UNIX address.
    public func with(port: Int) -> SocketAddress? {
        guard let port = UInt16(exactly: port) else { return nil }
        return switch storage {
        case .ipv4(let address, _): SocketAddress(.ipv4(address, port: port))
        case .ipv6(let address, _): SocketAddress(.ipv6(address, port: port))
        case .unix: nil
        }
    }

    /// Whether it stands for every interface of the machine.
    var isWildcard: Bool {
        switch storage {
        case .ipv4(let address, _): address == 0
        case .ipv6(let address, _): address.high == 0 && address.low == 0
        case .unix: false
        }
    }

    /// Whether it is a UNIX socket's name that stands for no file.
    var isAbstract: Bool { if case .unix(let path) = storage { path.first == 0 } else { false } }

    private static func text(ofPath path: [UInt8]) -> String {
        // Abstract names are written with @ in place of their leading zero byte, as ss and netstat do.
        let isAbstract = path.first == 0
        return (isAbstract ? "@" : "") + String(decoding: isAbstract ? Array(path.dropFirst()) : path, as: UTF8.self)
    }
}

extension SocketAddress: CustomStringConvertible {
    /// `127.0.0.1:8000`, `[::1]:8000` or `unix:/run/app.sock`.
    public var description: String {
        switch storage {
        case .ipv4(_, let port): "\(host):\(port)"
        case .ipv6(_, let port): "[\(host)]:\(port)"
        case .unix: "unix:\(host)"
        }
    }
}

/// A host and port, or the path of a UNIX socket, that is not an address.
public struct InvalidAddressError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The host, path or abstract name.
    public let host: String
    /// Nil where it was about a UNIX socket.
    public let port: Int?
    /// What is wrong with it.
    public let reason: String

    package init(host: String, port: Int? = nil, reason: String) {
        self.host = host
        self.port = port
        self.reason = reason
    }

    public var description: String { "\"\(host)\"\(port.map { " port \($0)" } ?? ""): \(reason)" }
}
