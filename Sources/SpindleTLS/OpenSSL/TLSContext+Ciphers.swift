import COpenSSL

extension TLSContext {
    /// Those of TLS 1.3 and of TLS 1.2 are set by different calls, which pass over what they do not know.
    func setCiphers(_ names: [String]) throws(TLSConfigurationError) {
        let known = Self.knownCiphers()
        var ciphers: [Cipher] = []
        for name in names {
            guard let cipher = known.first(where: { $0.name == name || $0.standardName == name }) else {
                throw TLSConfigurationError("cipherSuites", .unknown(name))
            }
            ciphers.append(cipher)
        }
        try unsafe set(ciphers.filter(\.isOfTLS13), SSL_CTX_set_ciphersuites)
        try unsafe set(ciphers.filter { !$0.isOfTLS13 }, SSL_CTX_set_cipher_list)
    }

    private func set(
        _ ciphers: [Cipher], _ call: (OpaquePointer?, UnsafePointer<CChar>?) -> CInt
    ) throws(TLSConfigurationError) {
        guard !ciphers.isEmpty else { return }
        guard unsafe call(raw, ciphers.map(\.name).joined(separator: ":")) == 1 else {
            throw TLSConfigurationError("cipherSuites", .other(OpenSSLError.takeAll().text))
        }
    }

    private struct Cipher {
        /// As OpenSSL has it; for those of TLS 1.3 the same as the standard's.
        let name: String
        let standardName: String
        let isOfTLS13: Bool
    }

    /// All that this OpenSSL has; looked up in a context of their own, with all of them switched on.
    private static func knownCiphers() -> [Cipher] {
        guard let context = unsafe SSL_CTX_new(TLS_method()) else { return [] }
        defer { unsafe SSL_CTX_free(context) }
        unsafe SSL_CTX_set_ciphersuites(
            context,
            "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_CCM_SHA256:"
                + "TLS_AES_128_CCM_8_SHA256")
        unsafe SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0")
        let stack = unsafe SSL_CTX_get_ciphers(context)
        return unsafe (0..<spindle_cipher_count(stack)).map { index in
            let cipher = unsafe spindle_cipher_at(stack, index)
            return unsafe Cipher(
                name: String(cString: SSL_CIPHER_get_name(cipher)),
                standardName: SSL_CIPHER_standard_name(cipher).map { unsafe String(cString: $0) } ?? "",
                isOfTLS13: String(cString: SSL_CIPHER_get_version(cipher)) == "TLSv1.3")
        }
    }
}
