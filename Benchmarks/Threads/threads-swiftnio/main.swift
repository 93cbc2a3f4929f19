// Jobs on SwiftNIO's NIOThreadPool, and back to an event loop: JOBS IN_FLIGHT. Prints the time that each took, in
// nanoseconds.
import NIOCore
import NIOPosix

/// Hands in a job whenever one has come back. Used on `loop` only.
final class Player: @unchecked Sendable {
    private let loop: any EventLoop
    private let pool: NIOThreadPool
    private let done: EventLoopPromise<Void>
    private let jobs: Int
    private var left: Int
    private var back = 0

    init(_ jobs: Int, _ loop: any EventLoop, _ pool: NIOThreadPool) {
        self.jobs = jobs
        self.loop = loop
        self.pool = pool
        left = jobs
        done = loop.makePromise()
    }

    func play(_ inFlight: Int) throws {
        loop.execute { for _ in 0..<inFlight { self.next() } }
        try done.futureResult.wait()
    }

    private func next() {
        guard left > 0 else { return }
        left -= 1
        let number = left
        pool.runIfActive(eventLoop: loop) { number + 1 }.whenSuccess { _ in
            self.back += 1
            if self.back == self.jobs { self.done.succeed() } else { self.next() }
        }
    }
}

let jobs = Int(CommandLine.arguments[1])!
let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
// As many threads as Spindle's pool may have.
let pool = NIOThreadPool(numberOfThreads: 10)
pool.start()
let clock = ContinuousClock()
let start = clock.now
try Player(jobs, group.next(), pool).play(Int(CommandLine.arguments[2])!)
print((clock.now - start) / jobs / .nanoseconds(1))
