internal import CLibEvent
import Glibc
public import Spindle

/// Asks name servers itself, on the reactor's loop, with libevent's evdns: for programs that want no threads.
///
/// ```swift
/// reactor.resolver = try EvdnsResolver()
/// ```
///
/// It reads /etc/resolv.conf and /etc/hosts and knows nothing else: no nsswitch.conf, no mDNS, and of
/// names that are not ASCII only their IDNA form. It asks by UDP alone, so an answer that does not fit into
/// a datagram is an error. A name that has no address of the family is one too: evdns does not tell it from a
/// name that no server answered for. Where that is too little, use ``ThreadedResolver``, which is the
/// default. A name server that fails is reported by libevent on the standard error output.
///
/// Sockets are open while there are look-ups, and both files are read anew when there are again. So
/// nothing of it stays on the loop: it keeps no reactor from stopping or from going away. Look-ups that are under way
/// then are never answered.
///
/// One resolver may serve one reactor after another, all on one thread.
public final class EvdnsResolver: Resolver {
    private let configuration: EvdnsConfiguration
    /// The base keeps it, for as long as there are look-ups.
    private weak var session: EvdnsSession?

    /// - Parameters:
    ///   - nameservers: `10.0.0.53`, `127.0.0.1:5300`, `[::1]:5300`; none means those of /etc/resolv.conf,
    ///     with its search list and options. /etc/hosts is read in either case.
    ///   - timeout: how long one question waits for its answer; nil means what resolv.conf says, or 5 s.
    ///   - attempts: how often a question is put before the look-up fails; nil means what resolv.conf says, or 3.
    /// - Throws: ``InvalidAddressError`` naming a name server that is no numeric address.
    public init(
        nameservers: [String] = [], timeout: Duration? = nil, attempts: Int? = nil
    ) throws(InvalidAddressError) {
        for server in nameservers where !Self.isAddress(server) {
            throw InvalidAddressError(host: server, port: 53, reason: "not the numeric address of a name server")
        }
        configuration = EvdnsConfiguration(nameservers: nameservers, timeout: timeout, attempts: attempts)
    }

    public func lookUp(
        _ name: String, _ family: SocketAddress.Family, on reactor: Reactor
    ) -> Deferred<[SocketAddress]> {
        do throws(EvdnsFailure) {
            return try session(on: reactor).lookUp(name, family)
        } catch {
            return Deferred(.failure(DNSLookupError(name: name, reason: error.reason)))
        }
    }

    private func session(on reactor: Reactor) throws(EvdnsFailure) -> EvdnsSession {
        if let session, session.isOpen(on: reactor) { return session }
        let session = try EvdnsSession(reactor, configuration)
        reactor.base.tenants.append(session)
        self.session = session
        return session
    }

    private static func isAddress(_ text: String) -> Bool {
        var (storage, length) = (sockaddr_storage(), Int32(MemoryLayout<sockaddr_storage>.size))
        return unsafe withUnsafeMutablePointer(to: &storage) { storage in
            unsafe storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe !text.utf8.contains(0) && evutil_parse_sockaddr_port(text, address, &length) == 0
            }
        }
    }
}
