import Synchronization

/// Where one reactor takes connections that another one has accepted: a port of its own, which accepts none.
final class ConnectionSeat: Sendable {
    private let handle: ReactorHandle
    private let count = Atomic(0)

    init(_ handle: ReactorHandle) { self.handle = handle }

    /// How many connections were dealt here that are not over.
    var load: Int { count.load(ordering: .relaxed) }

    /// Counts those that the port has.
    func countChanged(by difference: Int) { count.add(difference, ordering: .relaxed) }

    /// Has the reactor serve a connection. From any thread, once its port was told to open.
    func take(_ connection: sending DealtConnection) {
        countChanged(by: 1)
        handle.callFromThread { [self] reactor in
            countChanged(by: -1)
            // Without its port the reactor is stopping.
            guard let port = reactor.ports.all.first(where: { $0.seat === self }) else { return }
            if let socket = connection.take() { port.serve(socket, from: connection.peer) }
        }
    }
}
