import COpenSSL

extension OpenSSLError {
    /// The number of the alert that the peer has sent, if this is one.
    var alert: CInt? {
        guard library == ERR_LIB_SSL, reason > SSL_AD_REASON_OFFSET, reason < SSL_AD_REASON_OFFSET + 256 else {
            return nil
        }
        return reason - SSL_AD_REASON_OFFSET
    }

    /// The standard's name of an alert.
    static func name(ofAlert alert: CInt) -> String {
        unsafe String(cString: SSL_alert_desc_string_long(alert)).split(separator: " ").joined(separator: "_")
    }
}

extension [OpenSSLError] {
    /// What the peer says is wrong.
    private var alert: CInt? { lazy.compactMap(\.alert).first }

    /// What kept the handshake from coming to its end.
    func handshakeFailure(_ engine: TLSEngine) -> TLSHandshakeError.Reason {
        if let refusal = engine.refusal { return refusal }
        if let alert { return Self.reason(ofAlert: alert) }
        guard let first, first.library == ERR_LIB_SSL else { return .other(text) }
        return switch first.reason {
        case SSL_R_NO_SHARED_CIPHER: .noSharedCipher
        case SSL_R_NO_APPLICATION_PROTOCOL: .noSharedApplicationProtocol
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: .clientCertificateMissing
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_WRONG_SSL_VERSION, SSL_R_VERSION_TOO_LOW, SSL_R_UNKNOWN_PROTOCOL,
            SSL_R_VERSION_TOO_HIGH:
            .noSharedVersion
        case SSL_R_DH_KEY_TOO_SMALL, SSL_R_EE_KEY_TOO_SMALL: .certificateTooWeak(subject: "the peer")
        default: .other(text)
        }
    }

    /// What broke a connection that was there.
    ///
    /// - Parameter mayBeRefusal: the server may not have looked at the client's certificate before: in TLS 1.3 it does so when the
    ///   client takes the handshake for done.
    func sessionFailure(mayBeRefusal: Bool) -> any Error {
        guard let alert else { return TLSProtocolError(.other(text)) }
        if mayBeRefusal { return TLSHandshakeError(Self.reason(ofAlert: alert)) }
        return TLSProtocolError(.alertByPeer(OpenSSLError.name(ofAlert: alert)))
    }

    private static func reason(ofAlert alert: CInt) -> TLSHandshakeError.Reason {
        switch alert {
        case TLS1_AD_NO_APPLICATION_PROTOCOL: .noSharedApplicationProtocol
        case SSL_AD_PROTOCOL_VERSION: .noSharedVersion
        case TLS13_AD_CERTIFICATE_REQUIRED: .clientCertificateMissing
        default: .refusedByPeer(OpenSSLError.name(ofAlert: alert))
        }
    }
}
