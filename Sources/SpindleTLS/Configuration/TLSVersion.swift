/// A version of TLS. Older ones than 1.2 are broken, and not offered.
public enum TLSVersion: Int, Comparable, Hashable, Sendable, CustomStringConvertible {
    case tls12 = 0x0303
    case tls13 = 0x0304

    public static func < (left: TLSVersion, right: TLSVersion) -> Bool { left.rawValue < right.rawValue }

    public var description: String { self == .tls12 ? "TLS 1.2" : "TLS 1.3" }
}
