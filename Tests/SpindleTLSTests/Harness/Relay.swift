import Spindle

/// What stands between a client and a server, on the same reactor, and may change what the client sends.
final class Relay {
    let port: ListeningPort
    private let near = Recorder()
    private let far = ClientRecorder()
    /// What the client has sent.
    private var count = 0

    /// - Parameter pass: called with what the client has sent, with how much it sent before, and where that goes.
    init(_ reactor: Reactor, to port: ListeningPort, _ pass: @escaping (RawSpan, Int, Transport) -> Void) throws {
        self.port = try reactor.listenTCP(0, .once(near), interface: "127.0.0.1")
        near.onMade = { [far] me in
            me.transport.pauseProducing()
            me.reactor.connectTCP("127.0.0.1", port.address.port!, far)
        }
        far.made.onMade = { [near] _ in near.transport.resumeProducing() }
        near.onData = { [far, unowned self] _, data in
            pass(data, count, far.made.transport)
            count += data.byteCount
        }
        far.made.onData = { [near] _, data in near.transport.write(data) }
        near.onLost = { [far] in far.made.transport.loseConnection() }
        far.made.onLost = { [near] in near.transport.loseConnection() }
    }
}
