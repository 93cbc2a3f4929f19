import COpenSSL
import Glibc

extension TLSContext {
    func setIdentity(_ identity: TLSConfiguration.Identity) throws(TLSConfigurationError) {
        let chain = try PEMReader(identity.certificateChain, "certificate")
        let place = "\(identity.certificateChain)"
        guard let own = try chain.nextCertificate() else { throw TLSConfigurationError(place, .notPEM("certificate")) }
        OpenSSLError.clear()
        guard unsafe SSL_CTX_use_certificate(raw, own.raw) == 1 else { throw Self.refusal(place) }
        while let next = try chain.nextCertificate() {
            guard unsafe spindle_SSL_CTX_add_chain_certificate(raw, next.raw) == 1 else { throw Self.refusal(place) }
        }
        let key = try unsafe PEMReader(identity.privateKey, "private key").privateKey(identity.passPhrase)
        defer { unsafe EVP_PKEY_free(key) }
        OpenSSLError.clear()
        guard unsafe X509_check_private_key(own.raw, key) == 1 else {
            _ = OpenSSLError.takeAll()
            throw TLSConfigurationError("\(identity.privateKey)", .keyOfAnotherCertificate(place))
        }
        guard unsafe SSL_CTX_use_PrivateKey(raw, key) == 1 else { throw Self.refusal("\(identity.privateKey)") }
    }

    private static func refusal(_ place: String) -> TLSConfigurationError {
        let errors = OpenSSLError.takeAll()
        let tooWeak = [SSL_R_EE_KEY_TOO_SMALL, SSL_R_CA_KEY_TOO_SMALL, SSL_R_CA_MD_TOO_WEAK]
        let isWeak = errors.contains { $0.library == ERR_LIB_SSL && tooWeak.contains($0.reason) }
        return TLSConfigurationError(place, isWeak ? .tooWeak : .other(errors.text))
    }

    func setTrustRoots(_ roots: TLSConfiguration.TrustRoots) throws(TLSConfigurationError) {
        OpenSSLError.clear()
        switch roots {
        case .acceptAnyCertificateInsecurely: break
        case .system:
            guard unsafe SSL_CTX_set_default_verify_paths(raw) == 1 else {
                throw TLSConfigurationError("the system's trust roots", .other(OpenSSLError.takeAll().text))
            }
        case .directory(let path):
            guard unsafe access(path, R_OK | X_OK) == 0 else {
                throw TLSConfigurationError(path, .unreadable(errno: errno))
            }
            guard unsafe SSL_CTX_load_verify_dir(raw, path) == 1 else {
                throw TLSConfigurationError(path, .other(OpenSSLError.takeAll().text))
            }
        case .file(let path): try addTrustRoots(.file(path))
        case .pem(let text): try addTrustRoots(.pem(text))
        }
    }

    private func addTrustRoots(_ source: TLSConfiguration.Source) throws(TLSConfigurationError) {
        let reader = try PEMReader(source, "certificate")
        let store = unsafe SSL_CTX_get_cert_store(raw)
        var isEmpty = true
        while let root = try reader.nextCertificate() {
            guard unsafe X509_STORE_add_cert(store, root.raw) == 1 else {
                throw TLSConfigurationError("\(source)", .other(OpenSSLError.takeAll().text))
            }
            // What a server tells its clients, which choose a certificate of theirs by it.
            unsafe SSL_CTX_add_client_CA(raw, root.raw)
            isEmpty = false
        }
        if isEmpty { throw TLSConfigurationError("\(source)", .notPEM("certificate")) }
    }

    func addRevocationLists(_ sources: [TLSConfiguration.Source]) throws(TLSConfigurationError) {
        guard !sources.isEmpty else { return }
        let store = unsafe SSL_CTX_get_cert_store(raw)
        for source in sources {
            let reader = try PEMReader(source, "revocation list")
            guard try unsafe reader.moveNextList(into: store) else {
                throw TLSConfigurationError("\(source)", .notPEM("revocation list"))
            }
            while try unsafe reader.moveNextList(into: store) {}
        }
        unsafe X509_STORE_set_flags(store, UInt(X509_V_FLAG_CRL_CHECK))
    }
}
