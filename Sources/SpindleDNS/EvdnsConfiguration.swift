internal import CLibEventDNS

/// How name servers are to be asked.
struct EvdnsConfiguration {
    let nameservers: [String]
    let timeout: Duration?
    let attempts: Int?

    /// Makes an evdns base of this kind, which the caller frees.
    func makeBase(on base: OpaquePointer) throws(EvdnsFailure) -> OpaquePointer {
        let flags = nameservers.isEmpty ? EVDNS_BASE_INITIALIZE_NAMESERVERS : 0
        guard let raw = unsafe evdns_base_new(base, flags) else {
            throw EvdnsFailure(reason: "evdns cannot read its configuration")
        }
        if !nameservers.isEmpty { unsafe evdns_base_load_hosts(raw, "/etc/hosts") }
        for server in nameservers { unsafe evdns_base_nameserver_ip_add(raw, server) }
        // Each has a socket. A question that finds no server would wait for one for ever.
        guard unsafe evdns_base_count_nameservers(raw) > 0 else {
            unsafe evdns_base_free(raw, 0)
            throw EvdnsFailure(reason: "no socket for any name server can be opened")
        }
        if let timeout {
            let (seconds, attoseconds) = max(timeout, .milliseconds(1)).components
            unsafe evdns_base_set_option(raw, "timeout:", "\(Double(seconds) + Double(attoseconds) / 1e18)")
        }
        if let attempts { unsafe evdns_base_set_option(raw, "attempts:", "\(min(max(attempts, 1), 255))") }
        return unsafe raw
    }
}

/// Why no look-up can even begin.
struct EvdnsFailure: Error {
    let reason: String
}
