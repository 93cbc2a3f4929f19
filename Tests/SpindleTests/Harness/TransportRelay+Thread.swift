import Spindle
import Testing

extension TransportRelay {
    /// Runs a relay on a reactor and a thread of its own, until both its sides are over.
    ///
    /// - Parameter connect: connects the transport that is to be relayed.
    static func onItsOwnThread(
        to socket: Peer, passesResets: Bool,
        _ connect: @escaping @Sendable (Reactor, Factory) throws -> Deferred<Protocol>
    ) -> ScriptThread {
        ScriptThread {
            do {
                let reactor = try Reactor(options: .forTests)
                let relay = TransportRelay(reactor, to: socket, passesResets: passesResets)
                relay.whenOver().addCallback { try reactor.stop() }
                // A subject that resets at once may have it fail: to the peer it was a connection nevertheless.
                try connect(reactor, relay.inner.factory()).addErrback { _ -> Void in
                    passesResets ? socket.reset() : socket.close()
                    try reactor.stop()
                }
                try reactor.runWatched(.seconds(120))
            } catch { Issue.record(error) }
        }
    }
}
