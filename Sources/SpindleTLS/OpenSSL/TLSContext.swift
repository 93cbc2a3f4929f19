import COpenSSL
import Glibc
import Spindle

/// An SSL_CTX: all that a configuration says, ready for any number of connections on any threads. Nothing of it changes any more.
@safe
final class TLSContext: @unchecked Sendable {
    let raw: OpaquePointer
    let clientCertificates: TLSConfiguration.ClientCertificates
    let acceptsAnyCertificate: Bool
    /// In ALPN's own form: each name behind its length.
    let applicationProtocols: [UInt8]
    /// Nil if no session is to be taken up.
    let sessions: ClientSessions?
    private let keyLog: KeyLog?

    init(_ configuration: TLSConfiguration) throws(TLSConfigurationError) {
        // First: what throws before everything is there would not be cleared up behind.
        applicationProtocols = try Self.encoded(configuration.applicationProtocols)
        keyLog = try configuration.keyLog.map { path throws(TLSConfigurationError) in try KeyLog(path) }
        OpenSSLError.clear()
        guard let raw = unsafe SSL_CTX_new(TLS_method()) else {
            throw TLSConfigurationError("OpenSSL", .other(OpenSSLError.takeAll().text))
        }
        unsafe self.raw = raw
        clientCertificates = configuration.clientCertificates
        sessions = configuration.sessionTickets ? ClientSessions() : nil
        acceptsAnyCertificate = configuration.trustRoots == .acceptAnyCertificateInsecurely
        setDefaults()
        try setVersions(configuration)
        try setCiphers(configuration.cipherSuites)
        try setGroups(configuration.groups)
        try setTrustRoots(configuration.trustRoots)
        try addRevocationLists(configuration.revocationLists)
        if let identity = configuration.identity { try setIdentity(identity) }
        setSessions(configuration.sessionTickets)
        setApplicationProtocols()
        if keyLog != nil { unsafe SSL_CTX_set_keylog_callback(raw, logKeys) }
        // Borrowed: a connection keeps this object beside what OpenSSL keeps of the SSL_CTX.
        unsafe SSL_CTX_set_ex_data(raw, 0, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit { unsafe SSL_CTX_free(raw) }

    /// The context of a connection.
    static func of(_ ssl: OpaquePointer?) -> TLSContext? {
        guard let context = unsafe SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0) else { return nil }
        return unsafe Unmanaged<TLSContext>.fromOpaque(context).takeUnretainedValue()
    }

    private func setDefaults() {
        // Keys of 112 bits of security and more: RSA from 2048 bits on.
        unsafe SSL_CTX_set_security_level(raw, 2)
        unsafe SSL_CTX_set_options(
            raw,
            SPINDLE_SSL_OP_NO_RENEGOTIATION | SPINDLE_SSL_OP_NO_COMPRESSION | SPINDLE_SSL_OP_CIPHER_SERVER_PREFERENCE)
        // An idle connection keeps no buffers, and what is shown of a chain is what is in its file.
        unsafe spindle_SSL_CTX_set_mode(
            raw, Int(SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN))
    }

    private func setVersions(_ configuration: TLSConfiguration) throws(TLSConfigurationError) {
        let highest = configuration.maximumVersion
        if let highest, highest < configuration.minimumVersion {
            throw TLSConfigurationError("maximumVersion", .noVersionLeft)
        }
        let range = (CInt(configuration.minimumVersion.rawValue), CInt(highest?.rawValue ?? 0))
        guard unsafe spindle_SSL_CTX_set_versions(raw, range.0, range.1) == 1 else {
            throw TLSConfigurationError("minimumVersion", .noVersionLeft)
        }
    }

    private func setGroups(_ groups: [String]) throws(TLSConfigurationError) {
        for group in groups where unsafe spindle_SSL_CTX_set_groups(raw, group) != 1 {
            throw TLSConfigurationError("groups", .unknown(group))
        }
        guard !groups.isEmpty else { return }
        guard unsafe spindle_SSL_CTX_set_groups(raw, groups.joined(separator: ":")) == 1 else {
            throw TLSConfigurationError("groups", .other(OpenSSLError.takeAll().text))
        }
    }

    private func setSessions(_ areOffered: Bool) {
        // All there is to a session goes to the client in its ticket: a server keeps nothing.
        let mode = areOffered ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL : SSL_SESS_CACHE_OFF
        unsafe spindle_SSL_CTX_set_session_cache_mode(raw, Int(mode))
        if areOffered { unsafe SSL_CTX_sess_set_new_cb(raw, keepSession) }
        var name = Array("spindle".utf8)
        unsafe SSL_CTX_set_session_id_context(raw, &name, UInt32(name.count))
        guard !areOffered else { return }
        unsafe SSL_CTX_set_options(raw, SPINDLE_SSL_OP_NO_TICKET)
        unsafe SSL_CTX_set_num_tickets(raw, 0)
    }

    private static func encoded(_ protocols: [String]) throws(TLSConfigurationError) -> [UInt8] {
        var encoded: [UInt8] = []
        for name in protocols {
            guard let length = UInt8(exactly: name.utf8.count), length > 0 else {
                throw TLSConfigurationError("applicationProtocols", .badApplicationProtocol(name))
            }
            encoded += [length] + Array(name.utf8)
        }
        return encoded
    }

    private func setApplicationProtocols() {
        guard !applicationProtocols.isEmpty else { return }
        unsafe SSL_CTX_set_alpn_protos(raw, applicationProtocols, UInt32(applicationProtocols.count))
        unsafe SSL_CTX_set_alpn_select_cb(raw, chooseApplicationProtocol, nil)
    }

    /// A line for the file of keys.
    func log(_ line: UnsafePointer<CChar>) { unsafe keyLog?.append(line) }
}

/// Returns whether the session is kept.
private func keepSession(_ ssl: OpaquePointer?, _ session: OpaquePointer?) -> CInt {
    guard let session = unsafe session, let engine = unsafe TLSEngine.of(ssl), let sessions = engine.context.sessions,
        let server = engine.sessionKey
    else { return 0 }
    sessions.keep(unsafe ClientSessions.Session(taking: session), for: server)
    return 1
}

private func logKeys(_ ssl: OpaquePointer?, _ line: UnsafePointer<CChar>?) {
    if let line = unsafe line { unsafe TLSContext.of(ssl)?.log(line) }
}

/// The first of the server's names that the client has, too.
private func chooseApplicationProtocol(
    _ ssl: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ length: UnsafeMutablePointer<UInt8>?,
    _ offered: UnsafePointer<UInt8>?, _ offeredCount: UInt32, _ unused: UnsafeMutableRawPointer?
) -> CInt {
    guard let own = unsafe TLSContext.of(ssl)?.applicationProtocols, let offered = unsafe offered else {
        return SSL_TLSEXT_ERR_NOACK
    }
    let theirs = unsafe UnsafeBufferPointer(start: offered, count: Int(offeredCount))
    var wanted = own[...]
    while let count = wanted.first.map(Int.init) {
        let name = wanted.dropFirst().prefix(count)
        var start = 0
        while start < theirs.count {
            let end = unsafe start + 1 + Int(theirs[start])
            guard end <= theirs.count else { break }
            if unsafe theirs[(start + 1)..<end].elementsEqual(name) {
                unsafe chosen?.pointee = offered + start + 1
                unsafe length?.pointee = UInt8(name.count)
                return SSL_TLSEXT_ERR_OK
            }
            start = end
        }
        wanted = wanted.dropFirst(1 + count)
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
}
