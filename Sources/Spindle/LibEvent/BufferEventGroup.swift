internal import CLibEvent
import Glibc

/// A libevent `bufferevent_rate_limit_group`: what the members of a ``RateLimitGroup`` are limited by.
@safe
final class BufferEventGroup {
    let base: EventBase
    private var limit: RateLimit
    private var minimumShare: Int
    /// Made with the first member and freed with the last: it has a timer on the base, which would keep a C program's loop from
    /// ending.
    private var raw: OpaquePointer?
    /// The addresses of their bufferevents.
    private var members: Set<UInt> = []
    /// What went by those that were made before.
    private var earlier = (read: 0, written: 0)

    init(_ base: EventBase, _ limit: RateLimit, minimumShare: Int) {
        self.base = base
        self.limit = limit
        self.minimumShare = minimumShare
    }

    deinit { if let raw = unsafe raw { unsafe bufferevent_rate_limit_group_free(raw) } }

    var memberCount: Int { members.count }

    var totals: (read: Int, written: Int) {
        guard let raw = unsafe raw else { return earlier }
        var (read, written) = (UInt64(0), UInt64(0))
        unsafe bufferevent_rate_limit_group_get_totals(raw, &read, &written)
        return (earlier.read + Int(clamping: read), earlier.written + Int(clamping: written))
    }

    func add(_ member: OpaquePointer) throws(SystemError) {
        if unsafe raw == nil { unsafe raw = try make(limit) }
        guard unsafe bufferevent_add_to_rate_limit_group(member, raw) == 0 else {
            if members.isEmpty { end() }
            throw SystemError(ENOMEM, "bufferevent_add_to_rate_limit_group")
        }
        members.insert(UInt(bitPattern: member))
    }

    func remove(_ member: OpaquePointer) {
        unsafe bufferevent_remove_from_rate_limit_group(member)
        members.remove(UInt(bitPattern: member))
        if members.isEmpty { end() }
    }

    private func make(_ limit: RateLimit) throws(SystemError) -> OpaquePointer {
        guard let rawBase = unsafe base.raw else { throw SystemError(EBADF, "bufferevent_rate_limit_group_new") }
        // libevent takes a copy.
        let buckets = try TokenBuckets(limit)
        guard let made = unsafe bufferevent_rate_limit_group_new(rawBase, buckets.raw) else {
            throw SystemError(ENOMEM, "bufferevent_rate_limit_group_new")
        }
        unsafe bufferevent_rate_limit_group_set_min_share(made, max(1, minimumShare))
        return unsafe made
    }

    private func end() {
        earlier = totals
        if let raw = unsafe raw.take() { unsafe bufferevent_rate_limit_group_free(raw) }
    }

    /// Has the members move to a new group. One that libevent changes goes on counting in ticks of the old length, and if that was
    /// another one may never see a next (2.1.12).
    func change(_ newLimit: RateLimit) throws(SystemError) {
        if unsafe raw != nil {
            let made = try unsafe make(newLimit)
            // They were members of one before, so that it takes no memory.
            for member in members {
                unsafe bufferevent_add_to_rate_limit_group(OpaquePointer(bitPattern: member), made)
            }
            end()
            unsafe raw = made
        }
        limit = newLimit
    }

    func change(minimumShare share: Int) {
        minimumShare = share
        if let raw = unsafe raw { unsafe bufferevent_rate_limit_group_set_min_share(raw, max(1, share)) }
    }
}
