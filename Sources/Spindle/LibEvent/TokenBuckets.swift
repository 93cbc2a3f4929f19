internal import CLibEvent
import Glibc

/// A `RateLimit` as libevent takes it, which counts in ticks: an `ev_token_bucket_cfg`.
@safe
final class TokenBuckets {
    let raw: OpaquePointer

    init(_ limit: RateLimit) throws(SystemError) {
        let slowest = [limit.read, limit.write].compactMap { $0 }.min() ?? Int.max
        // In milliseconds, and long enough for a byte. A tick of none would have libevent divide by zero.
        let tick = max(Self.milliseconds(limit.tick), 1000 / Double(max(1, slowest))).rounded(.up)
        let (read, readBurst) = Self.perTick(limit.read, limit.readBurst, tick)
        let (write, writeBurst) = Self.perTick(limit.write, limit.writeBurst, tick)
        var length = timeval(tv_sec: Int(tick) / 1000, tv_usec: Int(tick) % 1000 * 1000)
        guard let raw = unsafe ev_token_bucket_cfg_new(read, readBurst, write, writeBurst, &length) else {
            throw SystemError(ENOMEM, "ev_token_bucket_cfg_new")
        }
        unsafe self.raw = raw
    }

    deinit { unsafe ev_token_bucket_cfg_free(raw) }

    private static func milliseconds(_ duration: Duration) -> Double {
        let (seconds, attoseconds) = min(max(duration, .milliseconds(1)), .seconds(3600)).components
        return Double(seconds) * 1000 + Double(attoseconds) / 1e15
    }

    /// What a tick brings, and how much there may be at most.
    private static func perTick(_ rate: Int?, _ burst: Int?, _ tick: Double) -> (Int, Int) {
        // libevent's EV_RATE_LIMIT_MAX, which is a macro that Swift does not see.
        guard let rate else { return (.max, .max) }
        let share = Int(exactly: (Double(max(1, rate)) * tick / 1000).rounded(.down)) ?? .max
        return (max(1, share), max(share, burst ?? 0, 1))
    }
}
