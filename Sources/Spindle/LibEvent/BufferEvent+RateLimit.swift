internal import CLibEvent

/// What a bufferevent is limited by.
struct RateLimits {
    var own: RateLimit?
    /// C has a pointer to them.
    fileprivate var buckets: TokenBuckets?
    fileprivate(set) var group: RateLimitGroup?

    var isLimited: Bool { own != nil || group != nil }
}

extension BufferEvent {
    /// Limits it by itself, or with nil no more.
    func limit(to limit: RateLimit?) throws(SystemError) {
        guard let raw = unsafe raw else { return }
        let buckets: TokenBuckets? = if let limit { try TokenBuckets(limit) } else { nil }
        // Without the old one first libevent goes on counting in ticks of the old length, and if that was another one may never
        // see a next (2.1.12).
        unsafe bufferevent_set_rate_limit(raw, nil)
        if let buckets, unsafe bufferevent_set_rate_limit(raw, buckets.raw) != 0 {
            limits.own = nil
            throw SystemError(ENOMEM, "bufferevent_set_rate_limit")
        }
        limits.own = limit
        limits.buckets = buckets
    }

    /// Limits it together with others, or with nil no more.
    func join(_ group: RateLimitGroup?) throws(SystemError) {
        guard let raw = unsafe raw, group !== limits.group else { return }
        if let old = limits.group.take() { unsafe old.shared.remove(raw) }
        unsafe try group?.shared.add(raw)
        limits.group = group
    }

    /// Before it is freed, which libevent does in its next pass: nothing may be left by then of what it points to.
    func dropLimits() {
        guard limits.isLimited else { return }
        try? limit(to: nil)
        try? join(nil)
    }
}
