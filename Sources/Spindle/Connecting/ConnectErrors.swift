import Glibc

/// A connection could not be made, for a reason that has no type of its own.
public struct ConnectError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where to; as with the other errors here, `.unspecified` if C code has begun to connect, which alone knows.
    public let address: SocketAddress
    public let errno: Int32
    public var description: String { SystemError.connectFailure(address, errno) }
}

/// This end could not have the address that it was to have.
public struct ConnectBindError: Error, Hashable, Sendable, CustomStringConvertible {
    /// This end's address.
    public let address: SocketAddress
    public let errno: Int32
    public var description: String { "cannot connect from \(address): \(SystemError.text(errno))" }
}

/// Nobody listens at the address.
public struct ConnectionRefusedError: Error, Hashable, Sendable, CustomStringConvertible {
    public let address: SocketAddress
    public var description: String { SystemError.connectFailure(address, ECONNREFUSED) }
}

/// There is no way to the address.
public struct NoRouteError: Error, Hashable, Sendable, CustomStringConvertible {
    public let address: SocketAddress
    public let errno: Int32
    public var description: String { SystemError.connectFailure(address, errno) }
}

/// The kernel gave up waiting for the other side.
public struct TCPTimedOutError: Error, Hashable, Sendable, CustomStringConvertible {
    public let address: SocketAddress
    public var description: String { SystemError.connectFailure(address, ETIMEDOUT) }
}

/// The time given for something was over: for connecting, the look-up of the name included, or for a
/// Deferred (``Deferred/addTimeout(_:_:fileID:line:)``).
public struct TimeoutError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where to, if it was about connecting.
    public let destination: ConnectDestination?
    public let timeout: Duration

    public init(destination: ConnectDestination? = nil, timeout: Duration) {
        self.destination = destination
        self.timeout = timeout
    }

    public var description: String {
        let prefix = destination.map { "cannot connect to \($0): " } ?? ""
        return prefix + "no answer within \(timeout)"
    }
}

/// The attempt to connect was cancelled.
public struct ConnectingCancelledError: Error, Hashable, Sendable, CustomStringConvertible {
    public let destination: ConnectDestination
    public var description: String { "connecting to \(destination) was cancelled" }
}

/// The program called the attempt to connect off; Twisted's `UserError`.
public struct UserError: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "the program stopped connecting" }
}

/// The factory built no protocol for the connection.
public struct NoProtocol: Error, Hashable, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "the factory built no protocol" }
}

/// A name that cannot be resolved.
public struct DNSLookupError: Error, Hashable, Sendable, CustomStringConvertible {
    public let name: String
    public let reason: String

    public init(name: String, reason: String) {
        self.name = name
        self.reason = reason
    }

    public var description: String { "cannot look up \(name.isEmpty ? "the name" : "\"\(name)\""): \(reason)" }
}

extension SystemError {
    fileprivate static func connectFailure(_ address: SocketAddress, _ errno: Int32) -> String {
        let destination = address == .unspecified ? "" : " to \(address)"
        return "cannot connect\(destination): \(text(errno))"
    }

    /// The typed error for a failed connect(2).
    func connecting(to address: SocketAddress) -> any Error {
        switch errno {
        case ECONNREFUSED: ConnectionRefusedError(address: address)
        case ENETUNREACH, EHOSTUNREACH: NoRouteError(address: address, errno: errno)
        case ETIMEDOUT: TCPTimedOutError(address: address)
        default: ConnectError(address: address, errno: errno)
        }
    }
}
