import COpenSSL
import Glibc

/// Takes what is in a text in PEM format out of it, one after the other.
@safe
struct PEMReader: ~Copyable {
    private let source: TLSConfiguration.Source
    private let bio: OpaquePointer

    init(_ source: TLSConfiguration.Source, _ kind: String) throws(TLSConfigurationError) {
        self.source = source
        let contents = try source.read(kind)
        guard let bio = unsafe BIO_new(BIO_s_mem()) else {
            throw TLSConfigurationError("\(source)", .other("no memory"))
        }
        unsafe self.bio = bio
        var written = 0
        _ = unsafe contents.isEmpty || BIO_write_ex(bio, contents, contents.count, &written) == 1
    }

    deinit { unsafe BIO_free(bio) }

    /// The next certificate; nil if there is no more. What is not a certificate is passed over.
    borrowing func nextCertificate() throws(TLSConfigurationError) -> X509Reference? {
        guard let found = try unsafe next({ unsafe PEM_read_bio_X509_AUX($0, nil, nil, nil) }) else { return nil }
        return unsafe X509Reference(taking: found)
    }

    /// Adds the next revocation list to a store; false if there is none.
    borrowing func moveNextList(into store: OpaquePointer?) throws(TLSConfigurationError) -> Bool {
        guard let list = try unsafe next({ unsafe PEM_read_bio_X509_CRL($0, nil, nil, nil) }) else { return false }
        defer { unsafe X509_CRL_free(list) }
        return unsafe X509_STORE_add_crl(store, list) == 1
    }

    private func next(
        _ read: (OpaquePointer) -> OpaquePointer?
    ) throws(TLSConfigurationError) -> OpaquePointer? {
        OpenSSLError.clear()
        if let found = unsafe read(bio) { return unsafe found }
        let errors = OpenSSLError.takeAll()
        guard errors.last?.isEndOfPEM != false else { throw TLSConfigurationError("\(source)", .other(errors.text)) }
        return nil
    }

    /// The private key. The caller frees it.
    borrowing func privateKey(_ passPhrase: String?) throws(TLSConfigurationError) -> OpaquePointer {
        OpenSSLError.clear()
        let phrase = passPhrase.map { Array($0.utf8) }
        var request = PassPhraseRequest(phrase: phrase)
        let key = unsafe withUnsafeMutablePointer(to: &request) {
            // Without this OpenSSL would ask at the terminal.
            unsafe PEM_read_bio_PrivateKey(bio, nil, answerPassPhrase, $0)
        }
        if let key = unsafe key { return unsafe key }
        let errors = OpenSSLError.takeAll()
        let reason: TLSConfigurationError.Reason =
            if request.wasAsked, phrase == nil {
                .needsPassPhrase
            } else if request.wasAsked {
                .wrongPassPhrase
            } else if errors.isEmpty || errors.contains(where: { $0.isEndOfPEM || $0.isOfDecoder }) {
                .notPEM("private key")
            } else {
                .other(errors.text)
            }
        throw TLSConfigurationError("\(source)", reason)
    }
}

private struct PassPhraseRequest {
    let phrase: [UInt8]?
    var wasAsked = false
}

private func answerPassPhrase(
    _ room: UnsafeMutablePointer<CChar>?, _ size: CInt, _ isEncrypting: CInt, _ context: UnsafeMutableRawPointer?
) -> CInt {
    guard let request = unsafe context?.assumingMemoryBound(to: PassPhraseRequest.self), let room = unsafe room else {
        return -1
    }
    unsafe request.pointee.wasAsked = true
    guard let phrase = unsafe request.pointee.phrase, phrase.count <= Int(size) else { return -1 }
    unsafe UnsafeMutableRawPointer(room).copyMemory(from: phrase, byteCount: phrase.count)
    return CInt(phrase.count)
}
