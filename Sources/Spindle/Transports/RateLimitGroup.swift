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
public final class RateLimitGroup {
    /// What the members share. May be changed at any time.
    public var limit: RateLimit {
        didSet {
            do throws(SystemError) { try shared.change(limit) } catch {
                logger.error("a group's rate limit stays as it was: \(error)")
            }
        }
    }

    /// The least that a member may receive or send when it has its turn, in bytes: many small shares would cost a system call for
    /// each few bytes. Never more than what one tick brings.
    public var minimumShare = 64 { didSet { shared.change(minimumShare: minimumShare) } }

    /// How many connections there are in the group.
    public var memberCount: Int { shared.memberCount }

    /// How many bytes the members have received and sent, all those together that there ever were.
    public var totals: (read: Int, written: Int) { shared.totals }

    let shared: BufferEventGroup
    private let logger: Logger

    public init(_ reactor: Reactor, _ limit: RateLimit) {
        self.limit = limit
        logger = reactor.logger
        shared = BufferEventGroup(reactor.base, limit, minimumShare: minimumShare)
    }
}

@available(*, unavailable)
extension RateLimitGroup: Sendable {}
