internal import Spindle

/// A listening port that C has a handle of.
final class NamedPort: Handled {
    static let kind = "port"
    let port: ListeningPort
    var owner: ReactorHandle { port.reactor.handle }
    var handle: Handle?

    /// Listens at once.
    init(_ endpoint: any StreamServerEndpoint, _ factory: Factory) throws {
        var outcome: Result<ListeningPort, any Error>?
        endpoint.listen(factory).addCallbacks({ outcome = .success($0) }, { outcome = .failure($0) })
        guard let outcome else {
            throw Refusal(.listen, "this kind of endpoint does not say at once whether it listens")
        }
        port = try outcome.get()
        issue()
    }

    func close() {
        port.stopListening()
        retire()
    }
}
