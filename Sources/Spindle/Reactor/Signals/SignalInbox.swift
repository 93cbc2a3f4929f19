/// The signals that wait to be taken by a ``SignalSequence``'s reader.
final class SignalInbox {
    private weak var reactor: Reactor?
    private var handlers: [SignalHandler] = []
    /// One of each kind at most.
    private var arrived: [Int32] = []
    private var readers: [Deferred<Void>] = []

    init(_ reactor: Reactor) { self.reactor = reactor }

    deinit { for handler in handlers { reactor?.removeSignalHandler(handler) } }

    func listen(for signal: Int32) throws {
        guard let reactor else { return }
        handlers.append(try reactor.addSignalHandler(signal) { [weak self] in self?.received(signal) })
    }

    private func received(_ signal: Int32) {
        if !arrived.contains(signal) { arrived.append(signal) }
        let waiting = readers
        readers = []
        for reader in waiting where !reader.hasFired { try? reader.callback(()) }
    }

    func next(isolation: isolated (any Actor)?) async -> Int32? {
        while arrived.isEmpty {
            let arrival = Deferred<Void>()
            readers.append(arrival)
            do { try await arrival.value(isolation: isolation) } catch { return nil }
        }
        return arrived.removeFirst()
    }
}
