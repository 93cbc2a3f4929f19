// bench: variant spindle-bufferevent --bufferevent
// bench: variant spindle-bytes --bytes
// bench: variant spindle-read --read
//
// Echo on Spindle as its users write it. With --bufferevent every connection runs on its libevent bufferevent in both
// directions instead of on direct I/O. With --bytes it is asynchronous code that reads from `connection.bytes`, with
// --read code that has its bytes lent. With --threads N it is a ReactorGroup: see Group.swift.
import Glibc
import Spindle

final class EchoProtocol: Protocol {
    override func dataReceived(_ data: RawSpan) { transport.write(data) }
}

func announce(_ address: SocketAddress) {
    print("listening \(address.port ?? 0)")
    fflush(nil)  // stdout may be a pipe, and a pipe is not flushed at the end of a line
}

func serve(
    on reactor: Reactor, _ port: Int, _ echo: nonisolated(nonsending) @escaping (Connection) async throws -> Void
) {
    reactor.spawn {
        let listener = try await TCP4ServerEndpoint(reactor, port, backlog: 1024).listen()
        announce(listener.port.address)
        for try await connection in listener.connections {
            reactor.spawn { try? await echo(connection) }
        }
    }
}

func run(_ arguments: ArraySlice<String>) throws {
    let number = arguments.first.flatMap { Int($0) } ?? 0
    if arguments.contains("--threads") { return try Group.run(number, arguments) }
    var options = Reactor.Options()
    options.directIO = !arguments.contains("--bufferevent")
    let reactor = try Reactor(options: options)
    if arguments.contains("--bytes") {
        serve(on: reactor, number) { connection in
            for try await chunk in connection.bytes { try await connection.write(chunk) }
        }
    } else if arguments.contains("--read") {
        serve(on: reactor, number) { connection in
            while try await connection.read({ connection.transport.write($0) }) != nil {
                try await connection.drained()
            }
        }
    } else {
        announce(try reactor.listenTCP(number, Factory { EchoProtocol() }, backlog: 1024).address)
    }
    try reactor.run()
}

let arguments = CommandLine.arguments.dropFirst()
if arguments.first == "await" {
    try Awaiting.run(CommandLine.arguments[2], Int(CommandLine.arguments[3])!)
} else {
    try run(arguments)
}
