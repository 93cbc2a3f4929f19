/// Finds the addresses that a host name stands for.
///
/// A reactor asks its ``Reactor/resolver`` when it is told to connect to a name. The default,
/// ``ThreadedResolver``, asks the system's own resolver on threads of its own; ``StaticResolver``
/// answers from a table. To answer in another way, implement ``lookUp(_:_:on:)``:
///
/// ```swift
/// final class Discovery: Resolver {
///     func lookUp(_ name: String, _ family: SocketAddress.Family, on reactor: Reactor) -> Deferred<[SocketAddress]> {
///         Deferred(Result { try registry.addresses(of: name, family) })
///     }
/// }
/// reactor.resolver = Discovery()
/// ```
public protocol Resolver: AnyObject {
    /// Looks up the addresses of one family that `name` has, best first.
    ///
    /// Called on the reactor's thread, where the Deferred has to fire. Its failure is a
    /// ``DNSLookupError``, or an empty list where the name exists and has no such address. It may
    /// be cancelled; the caller is then done with it, whether or not the work behind it can be stopped.
    ///
    /// - Parameters:
    ///   - name: a host name, never a numeric address: those are not looked up.
    ///   - family: `.ipv4` or `.ipv6`.
    /// - Returns: addresses with any port; the caller puts in its own.
    func lookUp(_ name: String, _ family: SocketAddress.Family, on reactor: Reactor) -> Deferred<[SocketAddress]>
}

extension Resolver {
    /// The addresses of one family that `host` stands for, with `port`.
    ///
    /// A numeric address stands for itself, its scope included, and nobody is asked. The Deferred
    /// fails with ``InvalidAddressError`` for an impossible port and ``DNSLookupError`` otherwise.
    public func resolve(
        _ host: String, port: Int, _ family: SocketAddress.Family, on reactor: Reactor
    ) -> Deferred<[SocketAddress]> {
        do throws(InvalidAddressError) {
            let address = try SocketAddress(host, port: port)
            return Deferred(.success(address.family == family ? [address] : []))
        } catch {
            guard UInt16(exactly: port) != nil else { return Deferred(.failure(error)) }
        }
        if let reason = Self.whyNotAName(host) {
            return Deferred(.failure(DNSLookupError(name: host, reason: reason)))
        }
        return lookUp(host, family, on: reactor).addCallback { addresses in
            addresses.filter { $0.family == family }.compactMap { $0.with(port: port) }
        }
    }

    /// What no resolver need be asked for.
    private static func whyNotAName(_ host: String) -> String? {
        if host.isEmpty { return "the name is empty" }
        if host.utf8.contains(0) { return "the name contains a zero byte" }
        if host.utf8.count > 1025 { return "the name is too long" }
        return nil
    }
}
