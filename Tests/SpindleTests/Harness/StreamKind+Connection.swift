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
        let peerError = try play(adjust: adjust, receiveBuffer: receiveBuffer, peer: script) { stage, end in
            let factory = ConnectionFactory()
            stage.atEnd { factory.dropWaiting() }
            stage.reactor.callWhenRunning { [unowned reactor = stage.reactor] in
                reactor.spawn { try await Self.serveNext(of: factory, end, body) }
                    .addErrback { error in _ = Issue.record(error, sourceLocation: sourceLocation) }
            }
            return factory
        }
        if let error = peerError { Issue.record(error, sourceLocation: sourceLocation) }
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
