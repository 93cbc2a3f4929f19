import Glibc

/// A setting of a socket, typed.
///
/// ```swift
/// try reactor.listenTCP(8000, factory, options: .init(connections: [.noDelay(true), .userTimeout(.seconds(20))]))
/// try transport.set(.keepAlive(idle: .seconds(60), interval: .seconds(10), count: 5))
/// ```
public struct SocketOption: Hashable, Sendable, CustomStringConvertible {
    /// One setsockopt(2). All but SO_LINGER take one number.
    enum Value: Hashable, Sendable {
        case number(CInt)
        case linger(isOn: Bool)
    }

    struct Setting: Hashable, Sendable {
        let level: CInt
        let name: CInt
        let value: Value
    }

    let settings: [Setting]
    /// The option's name, for messages.
    public let description: String
    private let isTCP: Bool

    init(_ description: String, isTCP: Bool = false, _ settings: [Setting]) {
        self.description = description
        self.isTCP = isTCP
        self.settings = settings
    }

    /// Whether sockets of this family know the option. Others go without it.
    func applies(to family: SocketAddress.Family) -> Bool { !isTCP || family != .unix }

    // MARK: - The options

    /// Whether small writes go out without waiting for earlier ones to be acknowledged.
    public static func noDelay(_ isOn: Bool) -> SocketOption {
        SocketOption("noDelay", isTCP: true, [tcp(TCP_NODELAY, isOn ? 1 : 0)])
    }

    /// Whether the kernel probes a silent peer, at its own pace, and ends the connection if it is gone.
    public static func keepAlive(_ isOn: Bool) -> SocketOption {
        SocketOption("keepAlive", [socket(SO_KEEPALIVE, isOn ? 1 : 0)])
    }

    /// Has the kernel probe a peer that was silent for `idle`, every `interval`, and end the connection
    /// with `ETIMEDOUT` after `count` probes without an answer. Counted in whole seconds, one at least.
    public static func keepAlive(idle: Duration, interval: Duration, count: Int) -> SocketOption {
        SocketOption(
            "keepAlive", isTCP: true,
            [
                socket(SO_KEEPALIVE, 1), tcp(TCP_KEEPIDLE, max(1, idle.wholeSeconds)),
                tcp(TCP_KEEPINTVL, max(1, interval.wholeSeconds)), tcp(TCP_KEEPCNT, CInt(clamping: count)),
            ])
    }

    /// How long sent data may go unacknowledged before the kernel ends the connection with
    /// `ETIMEDOUT`; zero leaves it to the system's settings. Counted in milliseconds.
    public static func userTimeout(_ limit: Duration) -> SocketOption {
        SocketOption("userTimeout", isTCP: true, [tcp(TCP_USER_TIMEOUT, limit.wholeMilliseconds)])
    }

    /// What the kernel does with data that it has not sent when the descriptor is closed.
    public enum Linger: Hashable, Sendable {
        /// It goes on sending: the default.
        case inBackground
        /// It drops the data and resets the connection.
        case reset
    }

    /// What becomes of data that the kernel has not sent when the descriptor is closed.
    ///
    /// The third thing that SO_LINGER can do, having close(2) wait, would stop the loop, so it is
    /// not offered; see ``Reactor/Options/lingerLimit`` for how a closing transport waits for its peer.
    public static func linger(_ behaviour: Linger) -> SocketOption {
        let value = Value.linger(isOn: behaviour == .reset)
        return SocketOption("linger", [Setting(level: SOL_SOCKET, name: SO_LINGER, value: value)])
    }

    /// Bytes that the kernel may hold for sending. It doubles the number for its own bookkeeping, and
    /// silently keeps it within the system's limits. Setting it ends automatic tuning.
    public static func sendBufferSize(_ count: Int) -> SocketOption {
        SocketOption("sendBufferSize", [socket(SO_SNDBUF, CInt(clamping: count))])
    }

    /// Bytes that the kernel may hold until they are received; as ``sendBufferSize(_:)``. To matter for
    /// the size of the window a TCP connection has to have it from the start.
    public static func receiveBufferSize(_ count: Int) -> SocketOption {
        SocketOption("receiveBufferSize", [socket(SO_RCVBUF, CInt(clamping: count))])
    }

    // MARK: - Options of listening sockets

    /// See ``ListenOptions``, which is how these are set.
    static let reusePort = SocketOption("reusePort", [socket(SO_REUSEPORT, 1)])

    static func onlyIPv6(_ isOn: Bool) -> SocketOption {
        let setting = Setting(level: CInt(IPPROTO_IPV6), name: IPV6_V6ONLY, value: .number(isOn ? 1 : 0))
        return SocketOption("onlyIPv6", [setting])
    }

    static func deferAccept(_ limit: Duration) -> SocketOption {
        SocketOption("deferAccept", isTCP: true, [tcp(TCP_DEFER_ACCEPT, max(1, limit.wholeSeconds))])
    }

    private static func tcp(_ name: CInt, _ value: CInt) -> Setting {
        Setting(level: CInt(IPPROTO_TCP), name: name, value: .number(value))
    }

    private static func socket(_ name: CInt, _ value: CInt) -> Setting {
        Setting(level: SOL_SOCKET, name: name, value: .number(value))
    }
}

extension Duration {
    /// Rounded up, so that no limit is shorter than what was asked for.
    fileprivate var wholeSeconds: CInt {
        let (seconds, attoseconds) = components
        return CInt(clamping: max(0, seconds)) &+ (attoseconds > 0 && seconds < Int64(CInt.max) ? 1 : 0)
    }

    fileprivate var wholeMilliseconds: CInt {
        guard self > .zero else { return 0 }
        guard self < .milliseconds(Int64(CInt.max)) else { return CInt.max }
        let (seconds, attoseconds) = components
        return CInt(seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}

extension Socket {
    /// Sets an option, or says which one could not be set.
    func set(_ option: SocketOption) throws(SystemError) {
        for setting in option.settings where setSocketOption(setting) != 0 {
            throw SystemError(errno, "setsockopt (\(option))")
        }
    }

    private func setSocketOption(_ setting: SocketOption.Setting) -> CInt {
        switch setting.value {
        case .number(var number):
            return unsafe setsockopt(
                descriptor, setting.level, setting.name, &number, socklen_t(MemoryLayout<CInt>.size))
        case .linger(let isOn):
            var value = Glibc.linger(l_onoff: isOn ? 1 : 0, l_linger: 0)
            return unsafe setsockopt(
                descriptor, setting.level, setting.name, &value, socklen_t(MemoryLayout<Glibc.linger>.size))
        }
    }
}
