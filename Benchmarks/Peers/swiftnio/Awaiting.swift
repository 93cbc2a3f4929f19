import NIOCore
import Synchronization

/// As the Spindle peer's: `await WHAT COUNT`, with promises of the event loop, and tasks that get their results.
enum Awaiting {
    private static let atATime = 1000

    static func run(_ loop: any EventLoop, _ what: String, _ count: Int) async throws {
        let waiting = Waiting(loop)
        for _ in 0..<(what == "pending" ? 1 : count / atATime) {
            if what == "made" {
                let futures = (0..<atATime).map { _ in waiting.next() }
                try await futures.last?.get()
                continue
            }
            try await withThrowingDiscardingTaskGroup { group in
                for _ in 0..<atATime {
                    group.addTask {
                        for _ in 0..<(what == "pending" ? count / atATime : 1) { try await waiting.next().get() }
                    }
                }
            }
        }
    }

    private final class Waiting: Sendable {
        private let loop: any EventLoop
        private let made = Mutex<[EventLoopPromise<Void>]>([])

        init(_ loop: any EventLoop) { self.loop = loop }

        func next() -> EventLoopFuture<Void> {
            let promise = loop.makePromise(of: Void.self)
            let isFirst = made.withLock { made in
                made.append(promise)
                return made.count == 1
            }
            if isFirst { loop.execute { self.fire() } }
            return promise.futureResult
        }

        private func fire() {
            let firing = made.withLock { made in
                defer { made = [] }
                return made
            }
            for promise in firing { promise.succeed() }
        }
    }
}
