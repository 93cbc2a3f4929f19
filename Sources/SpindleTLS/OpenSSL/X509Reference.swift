import COpenSSL

/// A certificate of OpenSSL's, for as long as this lives.
@safe
final class X509Reference {
    let raw: OpaquePointer

    /// Takes over the reference that the caller has.
    init(taking raw: OpaquePointer) { unsafe self.raw = raw }

    deinit { unsafe X509_free(raw) }
}
