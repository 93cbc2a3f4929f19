/// A certificate that a peer has shown.
public struct TLSCertificate: Hashable, Sendable {
    /// Whose it is, as RFC 2253 writes it: `CN=a.example,O=Example`.
    public let subject: String
    /// Who has signed it.
    public let issuer: String
    /// The host names and IP addresses that it is for.
    public let names: [String]
    public let validFrom: CalendarTime
    public let validUntil: CalendarTime
    /// In hexadecimal digits.
    public let serialNumber: String
    /// Its fingerprint.
    public let sha256: [UInt8]
    /// The certificate itself, in DER.
    public let der: [UInt8]
}
