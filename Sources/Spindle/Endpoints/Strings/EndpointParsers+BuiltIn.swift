// The kinds of endpoint that are always there.
extension EndpointParsers {
    /// Each takes its arguments in Twisted's order, in which they may go without names: that of tcp is not that of tcp6.
    static let builtInServers: [String: Server] = [
        "tcp": { arguments, reactor in
            let port = try arguments.required("port").integer(in: 0...65_535)
            let interface = arguments.optional("interface")?.text ?? ""
            return TCP4ServerEndpoint(reactor, port, backlog: try backlog(&arguments), interface: interface)
        },
        "tcp6": { arguments, reactor in
            let port = try arguments.required("port").integer(in: 0...65_535)
            let backlog = try backlog(&arguments)
            let interface = arguments.optional("interface")?.text ?? "::"
            return TCP6ServerEndpoint(reactor, port, backlog: backlog, interface: interface)
        },
        "unix": { arguments, reactor in
            let path = try path(arguments.required("address"))
            let mode = try arguments.optional("mode")?.mode() ?? 0o666
            let backlog = try backlog(&arguments)
            let lock = try arguments.optional("lockfile")?.flag() ?? true
            return UNIXServerEndpoint(reactor, path, backlog: backlog, mode: mode, lock: lock)
        },
        "systemd": { arguments, reactor in
            let descriptor = try SystemdSockets.chosen(by: &arguments)
            return AdoptedStreamServerEndpoint(reactor, descriptor)
        },
        "stdio": { _, reactor in StandardIOEndpoint(reactor) },
    ]

    static let builtInClients: [String: Client] = [
        "tcp": { arguments, reactor in
            let (host, port, timeout, local) = try tcp(&arguments)
            return HostnameEndpoint(reactor, host, port, timeout: timeout, bindAddress: local)
        },
        "tcp6": { arguments, reactor in
            let (host, port, timeout, local) = try tcp(&arguments)
            return TCP6ClientEndpoint(reactor, host, port, timeout: timeout, bindAddress: local)
        },
        "unix": { arguments, reactor in
            let path = try path(arguments.required("path"))
            let timeout = try arguments.named("timeout")?.duration() ?? .seconds(30)
            let checkLock = try arguments.named("lockfile")?.flag() ?? false
            return UNIXClientEndpoint(reactor, path, timeout: timeout, checkLock: checkLock)
        },
    ]

    private static func backlog(_ arguments: inout EndpointArguments) throws(EndpointStringError) -> Int? {
        try arguments.optional("backlog")?.integer(in: 0...Int(Int32.max))
    }

    private static func tcp(
        _ arguments: inout EndpointArguments
    ) throws(EndpointStringError) -> (host: String, port: Int, timeout: Duration, local: SocketAddress?) {
        let host = try arguments.required("host").nonEmpty()
        let port = try arguments.required("port").integer(in: 1...65_535)
        let timeout = try arguments.named("timeout")?.duration() ?? .seconds(30)
        return (host, port, timeout, try arguments.named("bindAddress")?.address())
    }

    /// `@name` is how people write an abstract name, which begins with a zero byte.
    private static func path(_ argument: EndpointArgument) throws(EndpointStringError) -> String {
        let path = try argument.nonEmpty().unicodeScalars
        return path.first == "@" ? "\0" + String(path.dropFirst()) : String(path)
    }
}
