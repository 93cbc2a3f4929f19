// Jobs on threads, and back to the loop: JOBS IN_FLIGHT. Prints the time that each took, in nanoseconds.
import Spindle

/// Hands in a job whenever one has come back.
final class Player {
    private let reactor: Reactor
    private let jobs: Int
    private var left: Int
    private var back = 0

    init(_ jobs: Int, _ reactor: Reactor) {
        self.jobs = jobs
        self.reactor = reactor
        left = jobs
    }

    func next() {
        guard left > 0 else { return }
        left -= 1
        let number = left
        reactor.deferToThread { number + 1 }.addCallback { [self] _ in
            back += 1
            if back == jobs { return try reactor.stop() }
            next()
        }
    }
}

let jobs = Int(CommandLine.arguments[1])!
let inFlight = Int(CommandLine.arguments[2])!
let reactor = try Reactor()
let player = Player(jobs, reactor)
let clock = ContinuousClock()
let start = clock.now
reactor.callWhenRunning { for _ in 0..<inFlight { player.next() } }
try reactor.run()
print((clock.now - start) / jobs / .nanoseconds(1))
