import Spindle

/// What awaiting costs: `await WHAT COUNT` does it so often, a thousand at a time.
///
/// - `made`: Deferreds that fire in the next pass and that nobody awaits, but for the last of a thousand.
/// - `pending`: tasks await such Deferreds, one after the other.
/// - `spawn`: each of them is awaited by a task of its own.
enum Awaiting {
    private static let atATime = 1000

    static func run(_ what: String, _ count: Int) throws {
        let reactor = try Reactor()
        let waiting = Waiting(reactor)
        reactor.spawn {
            defer { try? reactor.stop() }
            for _ in 0..<(what == "pending" ? 1 : count / atATime) {
                let tasks = (0..<atATime).map { _ in
                    switch what {
                    case "made": waiting.next()
                    case "pending": reactor.spawn { for _ in 0..<count / atATime { try await waiting.next().value() } }
                    default: reactor.spawn { try await waiting.next().value() }
                    }
                }
                for task in what == "made" ? tasks.suffix(1) : tasks[...] { try await task.value() }
            }
        }
        try reactor.run()
    }

    private final class Waiting {
        private let reactor: Reactor
        private var made: [Deferred<Void>] = []
        private var firing: [Deferred<Void>] = []

        init(_ reactor: Reactor) { self.reactor = reactor }

        func next() -> Deferred<Void> {
            if made.isEmpty { reactor.callLater(.zero, fire) }
            let deferred = Deferred<Void>()
            made.append(deferred)
            return deferred
        }

        private func fire() throws {
            swap(&made, &firing)
            for deferred in firing { try deferred.callback(()) }
            firing.removeAll(keepingCapacity: true)
        }
    }
}
