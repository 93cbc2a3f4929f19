import Glibc

/// A point on the clock that never jumps, in nanoseconds since some time before the process began.
struct MonotonicTime: Comparable {
    let nanoseconds: Int64

    static var now: MonotonicTime {
        var time = Glibc.timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    var seconds: Double { Double(nanoseconds) / 1e9 }

    /// Negative delays count as none; absurdly long ones end at the clock's end, in about 292 years.
    func advanced(by delay: Duration) -> MonotonicTime {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(Self.nanoseconds(delay))
        return MonotonicTime(nanoseconds: overflow ? .max : sum)
    }

    /// The same in the other direction, where it ends before anything that can be due.
    func movedBack(by delay: Duration) -> MonotonicTime {
        MonotonicTime(nanoseconds: max(0, nanoseconds) - Self.nanoseconds(delay))
    }

    /// How many whole intervals lie between this time and a later one; none if an interval has no length.
    func count(of interval: Duration, until time: MonotonicTime) -> Int64 {
        let step = Self.nanoseconds(interval)
        return step == 0 ? 0 : (time.nanoseconds - nanoseconds) / step
    }

    /// When the first interval begins after `time`, counted from here; at `time` itself if an interval has no length.
    func next(_ interval: Duration, after time: MonotonicTime) -> MonotonicTime {
        let step = Self.nanoseconds(interval)
        guard step > 0 else { return time }
        return time.advanced(by: .nanoseconds(step - (time.nanoseconds - nanoseconds) % step))
    }

    /// How long after this one another is; negative if it is before.
    func distance(to other: MonotonicTime) -> Duration { .nanoseconds(other.nanoseconds) - .nanoseconds(nanoseconds) }

    private static func nanoseconds(_ delay: Duration) -> Int64 {
        guard delay > .zero else { return 0 }
        // Taking a longer one apart would trap.
        guard delay < .seconds(Int64.max / 1_000_000_000) else { return .max }
        let (seconds, attoseconds) = delay.components
        // Rounded up, so that a timer never fires before the delay it was given has passed.
        return seconds * 1_000_000_000 + (attoseconds + 999_999_999) / 1_000_000_000
    }

    var timespec: timespec {
        Glibc.timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    }

    static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.nanoseconds < right.nanoseconds }
}
