import ArgumentParser
@preconcurrency import Glibc
import Spindle
import SpindleProtocols

/// A table that its clients share, served by tasks: one for each connection, all on one thread, no locks. Try it:
/// `swift run --package-path Examples KeyValueServer`, then `nc 127.0.0.1 8124` and `SET colour dark blue`, `GET colour`.
@main
struct KeyValueServer: ParsableCommand {
    @Option(help: "The address to listen on.") var host = "127.0.0.1"
    @Option(help: "The port to listen on; 0 takes a free one.") var port = 8124

    func run() {
        setlinebuf(stdout)  // each line at once, in a pipe or a container's log too
        Reactor.react { reactor in
            let table = Table()
            let listener = try await TCP4ServerEndpoint(reactor, port, interface: host).listen()
            print("Listening on \(listener.port.address)")
            for try await connection in listener.connections {
                reactor.spawn {
                    do { try await table.serve(connection) } catch { print("\(connection.transport.peer): \(error)") }
                }
            }
        }
    }
}

final class Table {
    private var values: [String: String] = [:]

    /// Answers until the client has had enough. The connection closes when this returns.
    nonisolated(nonsending) func serve(_ connection: Connection) async throws {
        for try await line in connection.lines {
            guard let answer = answer(to: line) else { return }
            try await connection.write(answer + "\r\n")
        }
    }

    private func answer(to line: String) -> String? {
        let words = line.split(separator: " ", maxSplits: 2).map(String.init)
        switch (words.first, words.count) {
        case ("SET", 3):
            values[words[1]] = words[2]
            return "OK"
        case ("GET", 2): return values[words[1]] ?? "NOT FOUND"
        case ("DELETE", 2): return values.removeValue(forKey: words[1]) == nil ? "NOT FOUND" : "OK"
        case ("QUIT", 1): return nil
        default: return "SET key value, GET key, DELETE key, or QUIT"
        }
    }
}
