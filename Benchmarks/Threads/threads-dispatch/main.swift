// Jobs on Dispatch's global queue, and back to a serial one that stands for the loop: JOBS IN_FLIGHT. Prints the time
// that each took, in nanoseconds.
import Dispatch

/// Hands in a job whenever one has come back. Used on `home` only.
final class Player: @unchecked Sendable {
    private let home = DispatchQueue(label: "home")
    private let done = DispatchSemaphore(value: 0)
    private let jobs: Int
    private var left: Int
    private var back = 0

    init(_ jobs: Int) {
        self.jobs = jobs
        left = jobs
    }

    func play(_ inFlight: Int) {
        home.async { for _ in 0..<inFlight { self.next() } }
        done.wait()
    }

    private func next() {
        guard left > 0 else { return }
        left -= 1
        let number = left
        DispatchQueue.global().async {
            let result = number + 1
            self.home.async { self.cameBack(result) }
        }
    }

    private func cameBack(_ result: Int) {
        back += 1
        if back == jobs { done.signal() } else { next() }
    }
}

let jobs = Int(CommandLine.arguments[1])!
let clock = ContinuousClock()
let start = clock.now
Player(jobs).play(Int(CommandLine.arguments[2])!)
print((clock.now - start) / jobs / .nanoseconds(1))
