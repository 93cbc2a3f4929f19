import Spindle
import Testing

extension StreamKind {
    /// Runs one connection of this kind between a task and a peer's script, until both have ended and the connection
    /// is over. What the task throws fails the test.
    func serve(
        adjust: (inout Reactor.Options) -> Void = { _ in },
        receiveBuffer: CInt? = nil,
        peer script: @escaping @Sendable (Peer) throws -> Void,
        _ body: nonisolated(nonsending) @escaping (Connection) async throws -> Void,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        ContractChecks.note(self)
        var options = Reactor.Options.forTests
        if self == .tcp4BufferEvent { options.directIO = false }
        adjust(&options)
        let (reactor, leave) = try makeReactor(options)
        defer { leave() }
        let end = ScenarioEnd(reactor)
        try TemporaryDirectory.with { directory in
            let factory = ConnectionFactory()
            let connect = try connection(on: reactor, factory, receiveBuffer, directory)
            reactor.callWhenRunning {
                reactor.spawn { try await Self.serveNext(of: factory, end, body) }
                    .addErrback { error in _ = Issue.record(error, sourceLocation: sourceLocation) }
            }
            try end.run(against: script, on: connect)
            factory.dropWaiting()
        }
        if let error = end.peerError { Issue.record(error, sourceLocation: sourceLocation) }
    }

    private nonisolated(nonsending) static func serveNext(
        of factory: ConnectionFactory, _ end: ScenarioEnd,
        _ body: nonisolated(nonsending) (Connection) async throws -> Void
    ) async throws {
        let connection = try #require(try await factory.take(home: end.handle, isolation: #isolation))
        let ended = connection.whenEnded()
        // When the task is through, too; it may be told of the end in the next pass.
        defer { ended.addBoth { _ in end.connectionIsLost = true } }
        try await body(connection)
    }
}
