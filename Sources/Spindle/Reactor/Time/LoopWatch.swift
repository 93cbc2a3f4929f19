import Glibc

/// Notices what holds a loop up: callbacks that take long, and passes that do.
///
/// It goes by the kernel's coarse clock: that is read in a few nanoseconds, where the fine one
/// would cost each message a hundredth of its time, and is a tick behind at most, some 4 ms.
struct LoopWatch {
    private let clock: clockid_t
    /// What takes as long as this is too long, in nanoseconds.
    private let limit: Int64
    private var passBegan: Int64?
    private var last: Int64 = 0
    private var longest: Int64 = 0

    /// - Parameter limit: nil if nothing is too long. A short one is measured by the fine clock.
    init(limit: Duration?) {
        clock = limit.map { $0 < .milliseconds(20) } ?? false ? CLOCK_MONOTONIC : CLOCK_MONOTONIC_COARSE
        self.limit = limit.map { MonotonicTime(nanoseconds: 0).advanced(by: $0).nanoseconds } ?? .max
    }

    /// The longest time between two waits so far.
    var longestPass: Duration { .nanoseconds(longest) }

    /// Something begins. What runs first in a pass begins the pass.
    @inline(__always)
    mutating func begin() {
        guard passBegan == nil else { return }
        last = now
        passBegan = last
    }

    /// Something is over. Returns how long it took, if that was too long.
    @inline(__always)
    mutating func lap() -> Duration? {
        let time = now
        guard time != last, let passBegan else { return nil }
        defer { last = time }
        longest = max(longest, time - passBegan)
        return time - last >= limit ? .nanoseconds(time - last) : nil
    }

    /// The loop goes on to wait.
    mutating func rest() { passBegan = nil }

    private var now: Int64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
