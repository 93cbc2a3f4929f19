import ArgumentParser
@preconcurrency import Glibc
import Spindle

/// Sends back whatever it receives, to any number of clients at once.
///
/// Start it, then type something from another terminal:
///
///     swift run --package-path Examples EchoServer
///     nc 127.0.0.1 8000
@main
struct EchoServer: ParsableCommand {
    @Option(help: "The address to listen on.") var host = "127.0.0.1"
    @Option(help: "The port to listen on; 0 takes a free one.") var port = 8000
    @Option(help: "An endpoint in their place, such as unix:/run/echo.sock or systemd:index=0.") var listen: String?
    @Option(help: "How many threads serve the port; 0 for one on each processor.") var threads = 1

    func validate() throws {
        guard threads >= 0 else { throw ValidationError("--threads takes a number from 0 on") }
        guard threads == 1 || listen == nil else {
            throw ValidationError("--threads goes with --port, not with --listen")
        }
    }

    func run() throws {
        setlinebuf(stdout)  // each line at once, in a pipe or a container's log too
        if threads == 1 { try runAlone() } else { try runGroup() }
    }

    /// One reactor on each thread. The kernel shares the connections out.
    private func runGroup() throws {
        let group = try ReactorGroup(count: threads == 0 ? nil : threads)
        let address = try group.listenTCP(port, interface: host) { _ in EchoFactory() }
        print("Listening on \(address) with \(group.handles.count) threads")
        try group.run()
    }

    private func runAlone() throws {
        let reactor = try Reactor()
        let port =
            if let listen { try reactor.listen(listen, EchoFactory()) } else {
                try reactor.listenTCP(port, EchoFactory(), interface: host)
            }
        if port.isListening { print("Listening on \(port.address)") }
        try reactor.run()
    }
}

final class EchoProtocol: Protocol {
    override func dataReceived(_ data: RawSpan) {
        transport.write(data)
    }
}

final class EchoFactory: Factory {
    override func buildProtocol(_ address: SocketAddress) -> Protocol? {
        EchoProtocol()
    }
}
