import COpenSSL
import Spindle

/// One end of a TLS session: an SSL of OpenSSL's, which speaks by the buffers of the reactor.
@safe
final class TLSEngine {
    private let ssl: OpaquePointer
    let context: TLSContext
    let scratch: TLSScratch
    let isServer: Bool
    /// The name that the peer's certificate has to have.
    let serverName: ServerName?
    /// By what a client finds its session with this server again.
    let sessionKey: String?
    /// What was wrong with the peer's certificate.
    var refusal: TLSHandshakeError.Reason?
    private var barrenRecords = 0

    /// So many records in a row may come that have nothing for the protocol: tickets, key updates, empty ones. OpenSSL answers
    /// each key update, and works for it, without a limit of its own.
    static let barrenLimit = 64

    /// What OpenSSL says behind what it has done.
    enum Outcome {
        case done
        /// It has to have more of the peer's bytes.
        case needsInput
        /// The peer has finished.
        case closed
        case failed([OpenSSLError])
        /// The peer sends records that are for nothing, one after the other.
        case flooded
    }

    /// - Parameter peer: where the other end is.
    init?(
        _ context: TLSContext, _ scratch: TLSScratch, asServer isServer: Bool, _ serverName: ServerName?,
        peer: SocketAddress
    ) {
        OpenSSLError.clear()
        guard let ssl = unsafe SSL_new(context.raw) else { return nil }
        unsafe self.ssl = ssl
        self.context = context
        self.scratch = scratch
        self.isServer = isServer
        self.serverName = serverName
        sessionKey = isServer ? nil : "\(serverName?.text ?? "") at \(peer)"
        guard let bio = unsafe WireBIO.make(scratch.wire) else { return nil }
        unsafe SSL_set_bio(ssl, bio, bio)
        unsafe SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
        if isServer { unsafe SSL_set_accept_state(ssl) } else { unsafe SSL_set_connect_state(ssl) }
        unsafe setVerification(ssl)
        if let sessionKey, let session = context.sessions?.take(sessionKey) { unsafe SSL_set_session(ssl, session.raw) }
    }

    /// The one that OpenSSL calls back for.
    static func of(_ ssl: OpaquePointer?) -> TLSEngine? {
        guard let data = unsafe SSL_get_ex_data(ssl, 0) else { return nil }
        return unsafe Unmanaged<TLSEngine>.fromOpaque(data).takeUnretainedValue()
    }

    deinit { unsafe SSL_free(ssl) }

    // MARK: - Receiving

    /// Has OpenSSL read `data` while `body` runs.
    func withInput<Failure: Error>(_ data: RawSpan, _ body: () throws(Failure) -> Void) throws(Failure) {
        try unsafe data.withUnsafeBytes { bytes throws(Failure) in
            unsafe scratch.wire.pointee.input = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
            unsafe scratch.wire.pointee.inputCount = bytes.count
            defer {
                unsafe scratch.wire.pointee.input = nil
                unsafe scratch.wire.pointee.inputCount = 0
            }
            try body()
        }
    }

    func handshake() -> Outcome {
        OpenSSLError.clear()
        unsafe scratch.wire.pointee.barrenLimit = .max
        let result = unsafe SSL_do_handshake(ssl)
        return result == 1 ? .done : outcome(result)
    }

    /// Decrypts as many records as there are and as fit, and says how many bytes that made.
    func read() -> (count: Int, Outcome) {
        var filled = 0
        unsafe scratch.wire.pointee.barrenRecords = barrenRecords
        unsafe scratch.wire.pointee.barrenLimit = Self.barrenLimit
        defer { barrenRecords = unsafe scratch.wire.pointee.barrenRecords }
        while unsafe scratch.plain.count - filled >= TLSScratch.recordLimit {
            var count = 0
            OpenSSLError.clear()
            let result = unsafe SSL_read_ex(
                ssl, scratch.plain.baseAddress! + filled, scratch.plain.count - filled, &count)
            guard result == 1 else { return (filled, outcome(result)) }
            filled += count
            unsafe scratch.wire.pointee.barrenRecords = 0
        }
        return (filled, .done)
    }

    private func outcome(_ result: CInt) -> Outcome {
        switch unsafe SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: return .needsInput
        case SSL_ERROR_ZERO_RETURN: return .closed
        default:
            let errors = OpenSSLError.takeAll()
            let wire = unsafe scratch.wire.pointee
            return errors.isEmpty && wire.barrenRecords >= wire.barrenLimit ? .flooded : .failed(errors)
        }
    }

    // MARK: - Sending

    /// Encrypts bytes, as full records and one for the rest. Nil if that is done, or else what is wrong.
    func write(_ data: RawSpan) -> [OpenSSLError]? {
        unsafe data.withUnsafeBytes { bytes in
            var count = 0
            OpenSSLError.clear()
            return withoutInput {
                unsafe SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &count) == 1 ? nil : OpenSSLError.takeAll()
            }
        }
    }

    /// Says that this side has finished.
    func close() {
        OpenSSLError.clear()
        _ = withoutInput { unsafe SSL_shutdown(ssl) }
    }

    /// What is there to be read is another connection's, if a callback of that one is on the stack.
    private func withoutInput<Result>(_ body: () -> Result) -> Result {
        let (input, count) = unsafe (scratch.wire.pointee.input, scratch.wire.pointee.inputCount)
        unsafe scratch.wire.pointee.input = nil
        unsafe scratch.wire.pointee.inputCount = 0
        defer {
            unsafe scratch.wire.pointee.input = input
            unsafe scratch.wire.pointee.inputCount = count
        }
        return body()
    }

    // MARK: - What was agreed on

    /// Once the handshake is over.
    func sessionInfo() -> TLSSessionInfo {
        var certificates: [TLSCertificate] = []
        if let own = unsafe SSL_get0_peer_certificate(ssl) { certificates.append(unsafe TLSCertificate(own)) }
        let chain = unsafe SSL_get_peer_cert_chain(ssl)
        // A client has the peer's own in the chain as well.
        for index in unsafe 0..<spindle_X509_count(chain) {
            guard let next = unsafe spindle_X509_at(chain, index) else { continue }
            let certificate = unsafe TLSCertificate(next)
            if certificate != certificates.first { certificates.append(certificate) }
        }
        var (name, length): (UnsafePointer<UInt8>?, UInt32) = (nil, 0)
        unsafe SSL_get0_alpn_selected(ssl, &name, &length)
        let chosen = unsafe String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
        let sent = unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { unsafe String(cString: $0) }
        return unsafe TLSSessionInfo(
            version: TLSVersion(rawValue: Int(SSL_version(ssl))) ?? .tls12,
            cipher: String(cString: SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl))),
            negotiatedProtocol: length > 0 ? chosen : nil, serverName: isServer ? sent : serverName?.text,
            wasResumed: SSL_session_reused(ssl) == 1, peerCertificates: certificates,
            isVerified: !certificates.isEmpty && !context.acceptsAnyCertificate
                && SSL_get_verify_result(ssl) == Int(X509_V_OK))
    }
}
