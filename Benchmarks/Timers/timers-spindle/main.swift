// Timers on Spindle as its users write them; bench/timers.py says what the arguments and the answer mean.
import Glibc
import Spindle

/// Nanoseconds on the given clock.
func time(_ clock: clockid_t) -> Int {
    var time = timespec()
    clock_gettime(clock, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// The same numbers in every program, whatever its language (xorshift64).
struct Chance {
    private var state: UInt64 = 88_172_645_463_325_252
    mutating func next(below limit: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(limit))
    }
}

final class Bench {
    let reactor = try! Reactor()
    var left = 0

    /// How late each of `count` timers between 1 and 50 ms is, in nanoseconds.
    func lateness(_ count: Int) throws {
        var chance = Chance()
        var late: [Int] = []
        for _ in 0..<count {
            let delay = 1_000_000 + chance.next(below: 49_000_000)
            let due = time(CLOCK_MONOTONIC) + delay
            reactor.callLater(.nanoseconds(delay)) { [unowned self] in
                late.append(time(CLOCK_MONOTONIC) - due)
                if late.count == count { try reactor.stop() }
            }
        }
        late.reserveCapacity(count)
        try reactor.run()
        print(late.map(String.init).joined(separator: " "))
    }

    /// What it costs to add, to move and to cancel a timer while `count` are pending, and to make its call.
    func cost(_ count: Int) throws {
        var chance = Chance()
        var calls: [DelayedCall] = []
        calls.reserveCapacity(count)
        func each(_ what: String, _ body: () throws -> Void) rethrows {
            let start = time(CLOCK_PROCESS_CPUTIME_ID)
            try body()
            print("\(what)=\((time(CLOCK_PROCESS_CPUTIME_ID) - start) / count)", terminator: " ")
        }
        each("add") {
            for _ in 0..<count {
                calls.append(
                    reactor.callLater(.nanoseconds(1_000_000_000_000 + chance.next(below: 1_000_000_000_000))) {})
            }
        }
        try each("move") {
            for call in calls {
                try call.reset(.nanoseconds(1_000_000_000_000 + chance.next(below: 2_000_000_000_000)))
            }
        }
        // In no order: whoever times out others cannot choose.
        for place in stride(from: count - 1, to: 0, by: -1) { calls.swapAt(place, chance.next(below: place + 1)) }
        try each("cancel") { for call in calls { try call.cancel() } }
        calls = []
        left = count
        for _ in 0..<count {
            reactor.callLater(.nanoseconds(chance.next(below: 1_000_000))) { [self] in
                left -= 1
                if left == 0 { try reactor.stop() }
            }
        }
        usleep(10_000)  // all of them are due then
        try each("fire") { try reactor.run() }
        print()
    }
}

let count = Int(CommandLine.arguments[2])!
switch CommandLine.arguments[1] {
case "lateness": try Bench().lateness(count)
default: try Bench().cost(count)
}
