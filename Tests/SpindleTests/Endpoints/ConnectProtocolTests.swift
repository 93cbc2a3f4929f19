import Spindle
import Testing

/// Rule E1 for connectProtocol.
@Suite(.ownThreads) struct ConnectProtocolTests {
    @Test("E1: connectProtocol fires with the very protocol, as what it is, after its connectionMade")
    func connects() throws {
        let reactor = try Reactor(options: .forTests)
        let port = try reactor.listenTCP(0, Factory { Recorder.echo() }, interface: "127.0.0.1")
        let endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.address.port ?? 0)
        let mine = Recorder()
        reactor.spawn {
            let connected: Recorder = try await endpoint.connectProtocol(mine).value()
            #expect(connected === mine && mine.events == [.made])
            try reactor.stop()
        }.addErrback { error in _ = Issue.record(error) }
        try reactor.runWatched()
        #expect(mine.losses == 1)
    }

    @Test("E1: cancelling connectProtocol's Deferred cancels the attempt")
    func cancels() throws {
        let reactor = try Reactor(options: .forTests)
        let endpoint = ScriptedEndpoint(reactor)
        let deferred = endpoint.connectProtocol(Recorder())
        var failure: (any Error)?
        deferred.addErrback { error in failure = error }
        deferred.cancel()
        #expect(endpoint.cancellations == 1 && failure is CancelledError)
    }

    @Test("E1: an endpoint that connects twice has the protocol once; nothing is kept")
    func once() throws {
        let reactor = try Reactor(options: .forTests)
        let endpoint = ScriptedEndpoint(reactor)
        weak var kept: Recorder?
        do {
            let mine = Recorder()
            kept = mine
            endpoint.connectProtocol(mine)
            #expect(endpoint.factories[0].buildProtocol(.unspecified) === mine)
            #expect(endpoint.factories[0].buildProtocol(.unspecified) == nil)
            endpoint.fail(NoProtocol())
        }
        #expect(kept == nil)
    }
}
