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
        guard delay > .zero else { return self }
        let (seconds, attoseconds) = delay.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        // Rounded up, so that a timer never fires before the delay it was given has passed.
        let fraction = (attoseconds + 999_999_999) / 1_000_000_000
        let (delta, overflow2) = whole.addingReportingOverflow(fraction)
        let (sum, overflow3) = nanoseconds.addingReportingOverflow(delta)
        return MonotonicTime(nanoseconds: overflow || overflow2 || overflow3 ? .max : sum)
    }

    func movedBack(by delay: Duration) -> MonotonicTime {
        let later = advanced(by: delay)
        return MonotonicTime(nanoseconds: nanoseconds - (later.nanoseconds - nanoseconds))
    }

    var timespec: timespec {
        Glibc.timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    }

    static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.nanoseconds < right.nanoseconds }
}
