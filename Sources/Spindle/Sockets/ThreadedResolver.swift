import Glibc

/// Asks the system's resolver, getaddrinfo(3), on threads of its own: the default of every reactor.
public final class ThreadedResolver: Resolver {
    public init() {}

    public func lookUp(
        _ name: String, _ family: SocketAddress.Family, on reactor: Reactor
    ) -> Deferred<[SocketAddress]> {
        Deferred(.failure(DNSLookupError(name: name, reason: "names are not resolved yet")))
    }
}
