import Glibc

// The kernel tells clients that they are connected, and has them wait in a queue until they are accepted. Closing the socket
// resets them, so a port that stops accepts them first (F3).
extension ListeningPort {
    /// Accepts those who wait: as many as wait when this begins. None where others accept on the same socket.
    func takeWaiting() -> [DealtConnection] {
        guard servesWaitingClients, let socket, seat == nil, !maker.isShared, owner == reactor.process,
            reactor.isRunning, reactor.phase != .abandoning
        else { return [] }
        var waiting: [DealtConnection] = []
        for _ in 0..<socket.waitingCount {
            do throws(SystemError) {
                guard let next = try socket.acceptNext() else { break }
                waiting.append(next)
            } catch {
                if error.meansShortage { break }
                acceptFailed(error)
            }
        }
        return waiting
    }

    /// Serves them when the current callback has returned: this may be called from inside a protocol's.
    func serveLater(_ waiting: [DealtConnection], _ observer: any ConnectionObserver) {
        factory.beginUse()
        // Then it has told those that are open to close.
        let isClosing = reactor.isClosing
        reactor.base.postpone { [self] in
            for connection in waiting {
                guard let socket = connection.take() else { continue }
                if let dealer {
                    dealer.deal(socket, from: connection.peer)
                } else if let transport = serve(socket, from: connection.peer, observer), isClosing {
                    transport.reactorEnds(.closing)
                }
            }
            factory.endUse()
        }
    }
}
