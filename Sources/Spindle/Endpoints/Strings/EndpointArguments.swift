/// The arguments of an endpoint string, for the parser that its prefix has chosen.
///
/// A parser takes what it knows, the arguments that may go without a name in the order in which they then come:
///
/// ```swift
/// EndpointParsers.register(server: "tcp") { arguments, reactor in
///     let port = try arguments.required("port").integer(in: 0...65_535)
///     let interface = try arguments.optional("interface")?.text ?? ""
///     return TCP4ServerEndpoint(reactor, port, interface: interface)
/// }
/// ```
///
/// What is left in the end is an error, which names it and those that there are.
public struct EndpointArguments {
    /// The whole string.
    public let string: String

    /// How many strings this one is within.
    private let depth: Int
    private let rest: String
    private var unnamed: ArraySlice<String>
    private var named: [String: String] = [:]
    private var known: [String] = []

    init(_ string: String, _ tokens: EndpointTokens, depth: Int) {
        self.string = string
        self.depth = depth
        rest = tokens.rest
        unnamed = tokens.fields.filter { $0.name == nil }.map(\.value)[...]
        for field in tokens.fields {
            guard let name = field.name else { continue }
            if named.updateValue(field.value, forKey: name) != nil { repeated = repeated ?? name }
        }
    }

    /// Given twice. An error, unless the parser leaves the whole string to another one.
    private var repeated: String?

    // MARK: - Taking

    /// An argument that has to be there, by its name or as the next without one.
    public mutating func required(_ name: String) throws(EndpointStringError) -> EndpointArgument {
        guard let argument = optional(name) else { throw EndpointStringError(string, .missingArgument(name)) }
        return argument
    }

    /// An argument that may be there, by its name or as the next without one.
    public mutating func optional(_ name: String) -> EndpointArgument? {
        take(name) ?? unnamed.popFirst().map { argument(name, $0) }
    }

    /// An argument that may be there, by its name only.
    public mutating func named(_ name: String) -> EndpointArgument? { take(name) }

    private mutating func take(_ name: String) -> EndpointArgument? {
        known.append(name)
        return named.removeValue(forKey: name).map { argument(name, $0) }
    }

    private func argument(_ name: String, _ text: String) -> EndpointArgument {
        EndpointArgument(name: name, text: text, string: string, depth: depth)
    }

    // MARK: - Wrapping

    /// The endpoint that all behind the prefix describes: `tcp:80` in `haproxy:tcp:80`.
    public mutating func wrappedServer(_ reactor: Reactor) throws -> any StreamServerEndpoint {
        takeAll()
        return try EndpointParsers.server(reactor, rest, depth: depth + 1)
    }

    /// As ``wrappedServer(_:)``, for connecting.
    public mutating func wrappedClient(_ reactor: Reactor) throws -> any StreamClientEndpoint {
        takeAll()
        return try EndpointParsers.client(reactor, rest, depth: depth + 1)
    }

    private mutating func takeAll() {
        unnamed = []
        named = [:]
        repeated = nil
    }

    // MARK: - Errors

    /// The error for what is wrong with the string as a whole.
    public func invalid(_ problem: String) -> EndpointStringError { EndpointStringError(string, .other(problem)) }

    /// Throws if something was not taken.
    func requireNoneLeft() throws(EndpointStringError) {
        if let name = named.keys.min() { throw EndpointStringError(string, .unknownArgument(name, known: known)) }
        if let repeated { throw EndpointStringError(string, .repeatedArgument(repeated)) }
        if let value = unnamed.first { throw EndpointStringError(string, .excessArgument(value)) }
    }
}
