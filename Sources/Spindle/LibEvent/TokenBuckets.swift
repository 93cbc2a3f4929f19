internal import CLibEvent
import Glibc

/// A `RateLimit` as libevent takes it, which counts in ticks: an `ev_token_bucket_cfg`.
@safe
final class TokenBuckets {
    let raw: OpaquePointer

    /// What libevent reads with one call goes through an `int`. More in a bucket than that would be cut to its low bits, and none left
    /// of them is taken for the end of the connection (2.1.12).
    private static let most = Int(Int32.max)

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
        let (seconds, attoseconds) = min(max(duration, .milliseconds(1)), .seconds(1)).components
        return Double(seconds) * 1000 + Double(attoseconds) / 1e15
    }

    /// What a tick brings, and how much there may be at most.
    private static func perTick(_ rate: Int?, _ burst: Int?, _ tick: Double) -> (Int, Int) {
        guard let rate else { return (most, most) }
        let share = max(1, Int(min(Double(max(1, rate)) * tick / 1000, Double(most))))
        return (share, min(max(share, burst ?? 0), most))
    }
}
