internal import CLibEvent
import Glibc
import Logging

/// Connections that share one ``RateLimit``: together they are no faster than that.
///
/// ```swift
/// let guests = RateLimitGroup(reactor, RateLimit(read: 1 << 20, write: 1 << 20))
/// port.rateLimitGroup = guests                            // all that it accepts
/// transport.rateLimitGroup = guests                       // and one more
/// ```
///
/// What may go now is divided among the members, whether they need it or not, but none gets less than ``minimumShare`` in its
/// turn. A connection may have a ``Transport/rateLimit`` of its own as well. As long as there are members the loop wakes up with
/// every tick. Groups belong to one reactor's thread.
@safe
public final class RateLimitGroup {
    /// What the members share. May be changed at any time.
    public var limit: RateLimit { didSet { change() } }

    /// The least that a member may receive or send when it has its turn, in bytes: many small shares would cost a system call for
    /// each few bytes. Never more than what one tick brings.
    public var minimumShare = 64 { didSet { applyShare() } }

    /// How many connections there are in the group.
    public var memberCount: Int { members.count }

    let base: EventBase
    private let logger: Logger
    /// Made with the first member and freed with the last: it has a timer on the base, which would keep a C program's loop from
    /// ending.
    private var raw: OpaquePointer?
    /// The addresses of their bufferevents.
    private var members: Set<UInt> = []
    /// What went by those that were made before.
    private var earlier = (read: 0, written: 0)

    public init(_ reactor: Reactor, _ limit: RateLimit) {
        base = reactor.base
        logger = reactor.logger
        self.limit = limit
    }

    deinit { if let raw = unsafe raw { unsafe bufferevent_rate_limit_group_free(raw) } }

    /// How many bytes the members have received and sent, all those together that there ever were.
    public var totals: (read: Int, written: Int) {
        guard let raw = unsafe raw else { return earlier }
        var (read, written) = (UInt64(0), UInt64(0))
        unsafe bufferevent_rate_limit_group_get_totals(raw, &read, &written)
        return (earlier.read + Int(clamping: read), earlier.written + Int(clamping: written))
    }

    func add(_ member: OpaquePointer) throws(SystemError) {
        if unsafe raw == nil { unsafe raw = try make() }
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

    private func make() throws(SystemError) -> OpaquePointer {
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

    /// Has the members move. One that libevent changes goes on counting in ticks of the old length, and if that was another one
    /// may never see a next (2.1.12).
    private func change() {
        guard unsafe raw != nil else { return }
        do throws(SystemError) {
            let made = try unsafe make()
            // They were members of one before, so that it takes no memory.
            for member in members {
                unsafe bufferevent_add_to_rate_limit_group(OpaquePointer(bitPattern: member), made)
            }
            end()
            unsafe raw = made
        } catch {
            logger.error("a group's rate limit stays as it was: \(error)")
        }
    }

    private func applyShare() {
        if let raw = unsafe raw { unsafe bufferevent_rate_limit_group_set_min_share(raw, max(1, minimumShare)) }
    }
}

@available(*, unavailable)
extension RateLimitGroup: Sendable {}
