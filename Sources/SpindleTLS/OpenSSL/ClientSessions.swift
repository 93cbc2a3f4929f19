import COpenSSL
import Spindle

/// The sessions that clients may go on with, by their servers: the handshake is cheaper then.
final class ClientSessions: Sendable {
    /// A session of OpenSSL's, for as long as this lives.
    @safe
    final class Session: @unchecked Sendable {
        let raw: OpaquePointer

        /// Takes over the reference that the caller has.
        init(taking raw: OpaquePointer) { unsafe self.raw = raw }

        deinit { unsafe SSL_SESSION_free(raw) }

        /// In TLS 1.3 a ticket that is used twice would show that both connections are of one client.
        var isForOneUse: Bool { unsafe SSL_SESSION_get_protocol_version(raw) >= TLS1_3_VERSION }
    }

    private let kept = Lock<[String: Session]>([:])

    /// Servers beyond these find others' sessions gone.
    private static let limit = 1024

    func take(_ server: String) -> Session? {
        kept.withLock { kept in
            guard let session = kept[server] else { return nil }
            if session.isForOneUse { kept[server] = nil }
            return session
        }
    }

    func keep(_ session: Session, for server: String) {
        kept.withLock { kept in
            if kept.count >= Self.limit, kept[server] == nil, let other = kept.keys.first { kept[other] = nil }
            kept[server] = session
        }
    }
}
