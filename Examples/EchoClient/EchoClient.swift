import ArgumentParser
import Spindle

/// Sends standard input to an echo server, prints what comes back, and ends when all of it has.
/// Try it beside EchoServer: `echo hello | swift run --package-path Examples EchoClient`
@main
struct EchoClient: ParsableCommand {
    @Option(help: "The host to connect to, by name or address.") var host = "127.0.0.1"
    @Option(help: "The port to connect to.") var port = 8000
    @Option(help: "An endpoint in their place, such as unix:/run/echo.sock.") var connect: String?

    func run() {
        Reactor.react { reactor in
            let server: any StreamClientEndpoint =
                try connect.map { try clientFromString(reactor, $0) } ?? HostnameEndpoint(reactor, host, port)
            let remote = try await server.connectProtocol(Remote()).value()
            let console = try await StandardIOEndpoint(reactor).connectProtocol(Console(remote)).value()
            try await remote.talk(to: console)
        }
    }
}

/// The person, or the file, at this end.
final class Console: Protocol, HalfCloseProtocol {
    private let remote: Remote
    init(_ remote: Remote) { self.remote = remote }

    // Reading waits while the server is slow.
    override func connectionMade() throws { try remote.transport.registerProducer(transport, streaming: true) }
    override func dataReceived(_ data: RawSpan) { remote.transport.write(data) }

    func readConnectionLost() {
        remote.transport.unregisterProducer()
        remote.finish()
    }
    func writeConnectionLost() {}
}

/// The server.
final class Remote: Protocol {
    private let over = Deferred<Void>()
    private var console: Console?
    private var hasFinished = false

    /// Returns when the server has sent everything back, or throws why it has not.
    nonisolated(nonsending) func talk(to console: Console) async throws {
        self.console = console
        try console.transport.registerProducer(transport, streaming: true)
        try await over.value()
    }

    /// There is nothing more to send.
    func finish() {
        hasFinished = true
        transport.loseWriteConnection()
    }

    override func dataReceived(_ data: RawSpan) { console?.transport.write(data) }

    override func connectionLost(_ reason: any Error) {
        console?.transport.unregisterProducer()
        console?.transport.loseConnection()
        let isWell = hasFinished && reason is ConnectionDone
        try? isWell ? over.callback(()) : over.errback(reason)
    }
}
