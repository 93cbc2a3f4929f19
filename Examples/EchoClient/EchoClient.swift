import ArgumentParser
import Dispatch
@preconcurrency import Glibc
import Spindle

/// Sends standard input to an echo server, prints what comes back, and ends when all of it has.
/// Try it beside EchoServer: `echo hello | swift run --package-path Examples EchoClient`
@main
struct EchoClient: ParsableCommand {
    @Option(help: "The address to connect to.") var host = "127.0.0.1"
    @Option(help: "The port to connect to.") var port = 8000
    func run() throws {
        setbuf(stdout, nil)
        let reactor = try Reactor()
        let finished = Deferred<Void>()
        let factory = Factory { EchoClientProtocol(finished) }
        var failure: (any Error)?
        reactor.callWhenRunning {
            reactor.spawn {
                do {
                    _ = try await TCP4ClientEndpoint(reactor, host, port).connect(factory).value()
                    try await finished.value()
                } catch { failure = error }
                try? reactor.stop()
            }
        }
        try reactor.run()
        if let failure { throw failure }
    }
}

final class EchoClientProtocol: Protocol {
    private let finished: Deferred<Void>
    private var unanswered: Int? = 0  // bytes still to come back; nil once the input has ended
    init(_ finished: Deferred<Void>) { self.finished = finished }
    override func connectionMade() { readMore() }
    override func dataReceived(_ data: RawSpan) {
        data.withUnsafeBytes { _ = fwrite($0.baseAddress, 1, $0.count, stdout) }
        unanswered? -= data.byteCount
        if unanswered == 0 { readMore() }
    }

    override func connectionLost(_ reason: any Error) {
        try? unanswered == nil ? finished.callback(()) : finished.errback(reason)
    }

    /// Reads a chunk on another thread, for a read may take for ever; no chunk leaves before the last one came back.
    private func readMore() {
        DispatchQueue.global().async { [me = reactor.bound(self)] in
            let chunk = [UInt8](unsafeUninitializedCapacity: 65536) { $1 = max(0, read(0, $0.baseAddress, $0.count)) }
            me.handle.callFromThread { reactor in me.value(on: reactor).send(chunk) }
        }
    }

    private func send(_ chunk: [UInt8]) {
        unanswered = chunk.isEmpty ? nil : chunk.count
        if chunk.isEmpty { transport.loseConnection() } else { transport.write(chunk) }
    }
}
