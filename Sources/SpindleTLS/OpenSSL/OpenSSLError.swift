import COpenSSL

/// One entry of OpenSSL's error queue, of which each thread has one.
struct OpenSSLError: Hashable {
    /// Which part of OpenSSL it is from, as ERR_LIB_ has it.
    let library: CInt
    /// What it is, as that part counts.
    let reason: CInt
    let text: String

    /// Forgets what earlier calls left. To be called before each call that can fail: SSL_get_error looks at the whole queue.
    static func clear() {
        // Looking first is cheaper: it is empty nearly always.
        if ERR_peek_error() != 0 { ERR_clear_error() }
    }

    /// Takes what the last call left, the first error first.
    static func takeAll() -> [OpenSSLError] {
        var errors: [OpenSSLError] = []
        while true {
            let code = ERR_get_error()
            guard code != 0 else { return errors }
            let text = unsafe ERR_reason_error_string(code).map { unsafe String(cString: $0) }
            errors.append(
                OpenSSLError(
                    library: spindle_error_library(code), reason: spindle_error_reason(code),
                    text: text ?? "error \(code)"))
        }
    }

    /// Whether it says that what there is in PEM is something else than a key.
    var isOfDecoder: Bool { library == ERR_LIB_OSSL_DECODER }

    /// Whether it says that there is no PEM where some was expected, or no more.
    var isEndOfPEM: Bool { library == ERR_LIB_PEM && reason == PEM_R_NO_START_LINE }
}

extension [OpenSSLError] {
    /// The errors in words.
    var text: String { isEmpty ? "unknown error" : map(\.text).joined(separator: "; ") }

    func contains(_ library: CInt, _ reason: CInt) -> Bool {
        contains { $0.library == library && $0.reason == reason }
    }
}
