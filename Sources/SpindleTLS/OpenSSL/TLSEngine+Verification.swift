import COpenSSL
import Glibc

// Whether the peer is who it should be. OpenSSL asks the callback for each certificate of the chain, which is where the one that is
// wrong can be looked at.
extension TLSEngine {
    func setVerification(_ ssl: OpaquePointer) {
        unsafe SSL_set_verify(ssl, verificationMode, checkCertificate)
        guard !isServer, let serverName else { return }
        if !serverName.isAddress { unsafe spindle_SSL_set_server_name(ssl, serverName.text) }
        guard !context.acceptsAnyCertificate else { return }
        let parameters = unsafe SSL_get0_param(ssl)
        if serverName.isAddress {
            unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, serverName.text)
        } else {
            // A name that is in the subject alone is not one that any authority has vouched for.
            unsafe X509_VERIFY_PARAM_set_hostflags(
                parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
            unsafe X509_VERIFY_PARAM_set1_host(parameters, serverName.text, serverName.text.utf8.count)
        }
    }

    private var verificationMode: CInt {
        guard isServer else { return context.acceptsAnyCertificate ? SSL_VERIFY_NONE : SSL_VERIFY_PEER }
        return switch context.clientCertificates {
        case .notRequested: SSL_VERIFY_NONE
        case .requested: SSL_VERIFY_PEER
        case .required: SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
        }
    }

    /// Notes what is wrong with a certificate: the first that is.
    fileprivate func note(_ code: CInt, _ raw: OpaquePointer?) {
        guard refusal == nil else { return }
        guard let raw = unsafe raw else {
            refusal = .certificateRefused("there is none")
            return
        }
        let certificate = unsafe TLSCertificate(raw)
        refusal =
            switch code {
            case X509_V_ERR_CERT_HAS_EXPIRED:
                .certificateExpired(subject: certificate.subject, on: certificate.validUntil)
            case X509_V_ERR_CERT_NOT_YET_VALID:
                .certificateNotYetValid(subject: certificate.subject, before: certificate.validFrom)
            case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
                .wrongName(expected: serverName?.text ?? "", found: certificate.names)
            case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: .selfSigned(subject: certificate.subject)
            case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN: .unknownIssuer(certificate.subject)
            case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
                X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_UNTRUSTED:
                .unknownIssuer(certificate.issuer)
            case X509_V_ERR_CERT_REVOKED: .certificateRevoked(subject: certificate.subject)
            case X509_V_ERR_EE_KEY_TOO_SMALL, X509_V_ERR_CA_KEY_TOO_SMALL, X509_V_ERR_CA_MD_TOO_WEAK:
                .certificateTooWeak(subject: certificate.subject)
            default: unsafe .certificateRefused(String(cString: X509_verify_cert_error_string(Int(code))))
            }
    }
}

private func checkCertificate(_ isGood: CInt, _ store: OpaquePointer?) -> CInt {
    guard
        let ssl = unsafe X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
        let engine = unsafe TLSEngine.of(OpaquePointer(ssl))
    else { return 0 }
    if engine.context.acceptsAnyCertificate { return 1 }
    guard isGood == 0 else { return 1 }
    unsafe engine.note(X509_STORE_CTX_get_error(store), X509_STORE_CTX_get_current_cert(store))
    return 0
}
