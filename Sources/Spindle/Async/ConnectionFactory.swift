/// The factory behind a ``ConnectionListener``: keeps connections until somebody takes them.
package final class ConnectionFactory: Factory {
    /// Those that were made and not taken, in order.
    private var waiting: [Connection] = []
    private let limit: Int
    /// Known when the port listens, which may be later than the first connection.
    weak var port: ListeningPort? { didSet { holdBack() } }

    private let bell = Bell()
    private var isTaking = false
    private var isListening = false

    package init(limit: Int = 64) {
        self.limit = limit
        super.init()
    }

    package override func buildProtocol(_ address: SocketAddress) -> Protocol? { ConnectionProtocol() }

    package override func startFactory() { isListening = true }

    package override func stopFactory() {
        isListening = false
        bell.ring()
    }

    func add(_ stream: ConnectionProtocol) {
        waiting.append(Connection(stream))
        holdBack()
        bell.ring()
    }

    /// Takes the next connection; nil when there will be none.
    package func take(home: ReactorHandle, isolation: isolated (any Actor)?) async throws -> Connection? {
        guard !isTaking else { throw AlreadyReadingError() }
        isTaking = true
        defer { isTaking = false }
        while true {
            bell.arm()
            if Task.isCancelled { throw CancelledError() }
            if !waiting.isEmpty {
                defer { holdBack() }
                return waiting.removeFirst()
            }
            guard isListening else { return nil }
            await bell.wait(home: home, isolation: isolation)
        }
    }

    /// Closes those that nobody will take. They and this factory refer to each other.
    package func dropWaiting() { waiting = [] }

    private func holdBack() { port?.isHeldBack = waiting.count >= limit }
}
