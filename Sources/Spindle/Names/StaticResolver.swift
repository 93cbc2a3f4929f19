/// Answers from a table: for tests, and for pinning names to addresses.
///
/// ```swift
/// let database = try SocketAddress("10.0.0.7", port: 0)
/// reactor.resolver = StaticResolver(["db.internal": [database]], fallback: reactor.resolver)
/// ```
///
/// Its Deferreds have fired when they are returned, but for those of the fallback. Names compare as in DNS: without
/// regard to case or to a dot at the end.
public final class StaticResolver: Resolver {
    private var table: [String: [SocketAddress]] = [:]
    private let fallback: (any Resolver)?

    /// - Parameters:
    ///   - table: the addresses of each name, best first, of both families together. Their ports do not matter.
    ///   - fallback: who is asked for names that are not in the table; without one they are a ``DNSLookupError``.
    public init(_ table: [String: [SocketAddress]], fallback: (any Resolver)? = nil) {
        self.fallback = fallback
        for (name, addresses) in table { self[name] = addresses }
    }

    /// The addresses of a name; nil where the table does not have it.
    public subscript(name: String) -> [SocketAddress]? {
        get { table[Self.key(name)] }
        set { table[Self.key(name)] = newValue }
    }

    public func lookUp(
        _ name: String, _ family: SocketAddress.Family, on reactor: Reactor
    ) -> Deferred<[SocketAddress]> {
        if let addresses = self[name] { return Deferred(.success(addresses.filter { $0.family == family })) }
        if let fallback { return fallback.lookUp(name, family, on: reactor) }
        return Deferred(.failure(DNSLookupError(name: name, reason: "the table does not have it")))
    }

    private static func key(_ name: String) -> String {
        (name.hasSuffix(".") ? String(name.dropLast()) : name).lowercased()
    }
}
