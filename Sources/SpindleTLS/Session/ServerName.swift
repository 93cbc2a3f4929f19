import Spindle

/// What a client calls its server: a name, or an IP address.
struct ServerName: Hashable {
    /// Without a dot at the end, which certificates do not have, and without a scope.
    let text: String
    let isAddress: Bool

    /// Nil if there is nothing in it that a certificate could be for.
    init?(_ host: String) {
        var text = host
        if text.hasSuffix(".") { text.removeLast() }
        guard !text.isEmpty, !text.utf8.contains(0) else { return nil }
        let address = try? SocketAddress(text, port: 0)
        isAddress = address != nil
        self.text = address == nil ? text : String(text.prefix { $0 != "%" })
    }
}
