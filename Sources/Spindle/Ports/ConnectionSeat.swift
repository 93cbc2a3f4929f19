import Synchronization

/// Where one reactor takes connections that another one has accepted: a port of its own, which accepts none.
final class ConnectionSeat: Sendable {
    private let handle: ReactorHandle
    private let count = Atomic(0)
    /// A connection that was counted when it was dealt is being served, and is not to be counted again.
    private let isArriving = Atomic(false)

    init(_ handle: ReactorHandle) { self.handle = handle }

    /// How many connections were dealt here that are not over.
    var load: Int { count.load(ordering: .relaxed) }

    /// Counts those that the port has.
    func countChanged(by difference: Int) {
        if difference > 0, isArriving.exchange(false, ordering: .relaxed) { return }
        count.add(difference, ordering: .relaxed)
    }

    /// Has the reactor serve a connection. From any thread, once its port was told to open.
    func take(_ connection: sending DealtConnection) {
        count.add(1, ordering: .relaxed)
        handle.callFromThread { [self] reactor in
            isArriving.store(true, ordering: .relaxed)
            defer { if isArriving.exchange(false, ordering: .relaxed) { count.subtract(1, ordering: .relaxed) } }
            // Without its port the reactor is stopping.
            guard let port = reactor.open.ports.all.first(where: { $0.seat === self }) else { return }
            if let socket = connection.take() { port.serve(socket, from: connection.peer, port) }
        }
    }
}
