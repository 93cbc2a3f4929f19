import Spindle
import Testing

extension Reactor {
    /// Runs until an echo server has answered its client, which needs I/O to have its turn beside all else that is going on.
    ///
    /// - Parameter onEcho: ends whatever else is going on.
    @available(*, noasync)
    func runEcho(sourceLocation: SourceLocation = #_sourceLocation, _ onEcho: @escaping () throws -> Void) throws {
        let client = Recorder()
        var (nextServer, nextClient): (Recorder?, Recorder?) = (Recorder.echo(), client)
        let port = try listenTCP(0, Factory { nextServer.take() }, interface: "127.0.0.1")
        client.onMade = { me in me.transport.write("hello") }
        TCP4ClientEndpoint(self, "127.0.0.1", port.address.port!).connect(Factory { nextClient.take() })
        client.onData = { me, _ in
            try onEcho()
            try me.reactor.stop()
        }
        try runWatched(sourceLocation: sourceLocation)
        #expect(client.receivedText == "hello", sourceLocation: sourceLocation)
    }
}
