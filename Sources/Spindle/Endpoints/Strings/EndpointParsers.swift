/// The kinds of endpoint that strings can describe, to which other products and programs add their own.
///
/// ```swift
/// EndpointParsers.register(client: "gopher") { arguments, reactor in
///     let host = try arguments.required("host").nonEmpty()
///     return HostnameEndpoint(reactor, host, 70)
/// }
/// let endpoint = try clientFromString(reactor, "gopher:gopher.example.com")
/// ```
///
/// May be used from any thread.
public enum EndpointParsers {
    /// Makes an endpoint of a string's arguments; see ``EndpointArguments``. Called on the reactor's thread.
    public typealias Server = @Sendable (inout EndpointArguments, Reactor) throws -> any StreamServerEndpoint
    /// Makes an endpoint of a string's arguments; see ``EndpointArguments``. Called on the reactor's thread.
    public typealias Client = @Sendable (inout EndpointArguments, Reactor) throws -> any StreamClientEndpoint

    /// Strings within strings go as deep as this: nobody needs more, and it keeps a long one from using the stack up.
    private static let deepest = 16

    private static let servers = Lock<[String: Server]>(builtInServers)
    private static let clients = Lock<[String: Client]>(builtInClients)

    /// Has `parser` make the server endpoints of strings that begin with `prefix`, in capitals or not. The last one counts.
    public static func register(server prefix: String, _ parser: @escaping Server) {
        servers.withLock { $0[prefix.lowercased()] = parser }
    }

    /// Has `parser` make the client endpoints of strings that begin with `prefix`, in capitals or not. The last one counts.
    public static func register(client prefix: String, _ parser: @escaping Client) {
        clients.withLock { $0[prefix.lowercased()] = parser }
    }

    static func server(_ reactor: Reactor, _ string: String, depth: Int) throws -> any StreamServerEndpoint {
        try endpoint(string, depth, servers) { parse, arguments in try parse(&arguments, reactor) }
    }

    static func client(_ reactor: Reactor, _ string: String, depth: Int) throws -> any StreamClientEndpoint {
        try endpoint(string, depth, clients) { parse, arguments in try parse(&arguments, reactor) }
    }

    private static func endpoint<Parser, Endpoint>(
        _ string: String, _ depth: Int, _ parsers: Lock<[String: Parser]>,
        _ make: (Parser, inout EndpointArguments) throws -> Endpoint
    ) throws -> Endpoint {
        guard depth < deepest else {
            throw EndpointStringError(string, .other("endpoints are within endpoints more than \(deepest) deep"))
        }
        let tokens = try EndpointTokens(string)
        let known = parsers.withLock { $0 }
        guard let parser = known[tokens.prefix.lowercased()] else {
            throw EndpointStringError(string, .unknownPrefix(tokens.prefix, known: known.keys.sorted()))
        }
        var arguments = EndpointArguments(string, tokens, depth: depth)
        let endpoint = try make(parser, &arguments)
        try arguments.requireNoneLeft()
        return endpoint
    }
}

/// The server endpoint that a string describes (E2), for what comes from a command line or a configuration file.
///
/// ```swift
/// try serverFromString(reactor, "tcp:8000:interface=127.0.0.1").listen(EchoFactory())
/// ```
///
/// | String | Arguments |
/// |---|---|
/// | `tcp:PORT` | `interface`, all of IPv4 if there is none; `backlog`, as much as the kernel allows if there is none |
/// | `tcp6:PORT` | `interface=\:\:`; `backlog` |
/// | `unix:PATH` | `mode=666`; `backlog`; `lockfile=1`. `unix:@NAME` is an abstract name |
/// | `systemd:name=NAME`, `systemd:index=N` | a socket that systemd has opened: see ``SystemdSockets``. `domain`, one of INET, INET6 and UNIX, is checked |
/// | `stdio:` | none: see ``StandardIOEndpoint`` |
///
/// Arguments are separated by colons. A colon, an equals sign or a backslash within one has a backslash in
/// front: see ``quoteStringArgument(_:)``. Other products add kinds with ``EndpointParsers``.
///
/// - Throws: ``EndpointStringError`` naming what is wrong, whatever the string.
public func serverFromString(_ reactor: Reactor, _ description: String) throws -> any StreamServerEndpoint {
    try EndpointParsers.server(reactor, description, depth: 0)
}

/// The client endpoint that a string describes (E2).
///
/// ```swift
/// try clientFromString(reactor, "tcp:example.com:80:timeout=10").connect(factory)
/// ```
///
/// | String | Arguments |
/// |---|---|
/// | `tcp:HOST:PORT` | a ``HostnameEndpoint``: IPv6 and IPv4, where Twisted's has IPv4 only. `timeout=30`, in seconds; `bindAddress` |
/// | `tcp6:HOST:PORT` | the same for IPv6 only |
/// | `unix:PATH` | `timeout=30`; `lockfile=0`. `unix:@NAME` is an abstract name |
///
/// As in Twisted HOST, PORT and PATH can be given by name, too: `tcp:host=example.com:port=80`. For the rest see
/// ``serverFromString(_:_:)``.
///
/// - Throws: ``EndpointStringError`` naming what is wrong, whatever the string.
public func clientFromString(_ reactor: Reactor, _ description: String) throws -> any StreamClientEndpoint {
    try EndpointParsers.client(reactor, description, depth: 0)
}
