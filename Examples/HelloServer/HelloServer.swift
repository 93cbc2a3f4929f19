import ArgumentParser
@preconcurrency import Glibc
import Spindle

/// Prints who comes, what they say and that they left.
///
/// Start it, then type something from another terminal:
///
///     swift run --package-path Examples HelloServer
///     nc 127.0.0.1 8080
@main
struct HelloServer: ParsableCommand {
    @Option(help: "The address to listen on.") var host = "127.0.0.1"
    @Option(help: "The port to listen on; 0 takes a free one.") var port = 8080

    func run() throws {
        setlinebuf(stdout)  // each line at once, in a pipe or a container's log too
        let reactor = try Reactor()
        let listener = try reactor.listenTCP(port, HelloFactory(), interface: host)
        print("Listening on \(listener.address)")
        try reactor.run()
    }
}

final class HelloProtocol: Protocol {
    override func connectionMade() {
        print("New client connected!")
    }

    override func dataReceived(_ data: RawSpan) {
        print("Received data: \(data)")
    }

    override func connectionLost(_ reason: any Error) {
        print("Client disconnected!")
    }
}

final class HelloFactory: Factory {
    override func buildProtocol(_ address: SocketAddress) -> Protocol? {
        HelloProtocol()
    }
}
