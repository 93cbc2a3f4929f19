import COpenSSL
import Glibc

extension TLSCertificate {
    init(_ raw: OpaquePointer) {
        subject = unsafe Self.text(X509_get_subject_name(raw))
        issuer = unsafe Self.text(X509_get_issuer_name(raw))
        names = unsafe Self.alternativeNames(raw)
        validFrom = unsafe CalendarTime(X509_get0_notBefore(raw))
        validUntil = unsafe CalendarTime(X509_get0_notAfter(raw))
        serialNumber = unsafe Self.serialNumber(raw)
        let length = unsafe i2d_X509(raw, nil)
        var bytes = [UInt8](repeating: 0, count: max(0, Int(length)))
        unsafe bytes.withUnsafeMutableBufferPointer { room in
            var end = room.baseAddress
            _ = unsafe i2d_X509(raw, &end)
        }
        der = bytes
        var digest = [UInt8](repeating: 0, count: 32)
        var count: UInt32 = 0
        unsafe X509_digest(raw, EVP_sha256(), &digest, &count)
        sha256 = digest
    }

    /// As RFC 2253 writes names: `CN=a.example,O=Example`.
    private static func text(_ name: OpaquePointer?) -> String {
        guard let bio = unsafe BIO_new(BIO_s_mem()) else { return "" }
        defer { unsafe BIO_free(bio) }
        guard unsafe X509_NAME_print_ex(bio, name, 0, SPINDLE_NAME_FORM) >= 0 else { return "" }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = unsafe BIO_read(bio, &bytes, CInt(bytes.count))
        return String(decoding: bytes.prefix(max(0, Int(count))), as: UTF8.self)
    }

    private static func alternativeNames(_ raw: OpaquePointer) -> [String] {
        var list: OpaquePointer?
        defer { if unsafe list != nil { unsafe spindle_free_names(list) } }
        var names: [String] = []
        var index: CInt = 0
        while true {
            var (bytes, length): (UnsafePointer<UInt8>?, CInt) = (nil, 0)
            let kind = unsafe spindle_alternative_name(raw, index, &bytes, &length, &list)
            guard kind != 0 else { return names }
            index += 1
            guard kind == GEN_DNS || kind == GEN_IPADD else { continue }
            let value = unsafe [UInt8](UnsafeBufferPointer(start: bytes, count: Int(length)))
            names.append(kind == GEN_DNS ? String(decoding: value, as: UTF8.self) : address(value))
        }
    }

    private static func address(_ bytes: [UInt8]) -> String {
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        guard bytes.count == 4 || bytes.count == 16 else { return "" }
        var text = [CChar](repeating: 0, count: 64)
        guard unsafe inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil else { return "" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func serialNumber(_ raw: OpaquePointer) -> String {
        guard let number = unsafe ASN1_INTEGER_to_BN(X509_get0_serialNumber(raw), nil) else { return "" }
        defer { unsafe BN_free(number) }
        guard let digits = unsafe BN_bn2hex(number) else { return "" }
        defer { unsafe spindle_free(digits) }
        return unsafe String(cString: digits)
    }
}

extension CalendarTime {
    fileprivate init(_ time: UnsafePointer<ASN1_TIME>?) {
        var parts = unsafe tm()
        guard unsafe ASN1_TIME_to_tm(time, &parts) == 1 else {
            self.init(secondsSince1970: 0)
            return
        }
        unsafe self.init(secondsSince1970: timegm(&parts))
    }
}
