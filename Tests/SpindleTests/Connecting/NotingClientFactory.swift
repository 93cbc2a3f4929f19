import Spindle
import Testing

/// A client factory that notes what it is told, and does what a test tells it to.
final class NotingClientFactory: ClientFactory {
    private(set) var events: [String] = []
    private(set) var failure: (any Error)?
    private(set) var connector: Connector?
    /// The protocols to build, in turn; when they are used up, none is built.
    var protocols: [Recorder] = []

    var onStarted: (Connector) throws -> Void = { _ in }
    var onBuild: () throws -> Void = {}
    var onFailed: (Connector) throws -> Void = { _ in }
    var onLost: (Connector) throws -> Void = { _ in }

    /// Nothing of its own may be called while another of the callbacks is on the stack (S2).
    private var isInside = false

    init(_ protocols: Recorder...) {
        super.init()
        self.protocols = protocols
    }

    override func startFactory() { events.append("startFactory") }
    override func stopFactory() { events.append("stopFactory") }

    override func startedConnecting(_ connector: Connector) {
        self.connector = connector
        // Called from inside connect(), and so perhaps from inside one of the others.
        note("startedConnecting") { try onStarted(connector) }
    }

    override func buildProtocol(_ address: SocketAddress) -> Protocol? {
        enter("buildProtocol") { try onBuild() }
        guard !protocols.isEmpty else { return nil }
        let recorder = protocols.removeFirst()
        let (onMade, onLost) = (recorder.onMade, recorder.onLost)
        recorder.onMade = { [unowned self] me in
            events.append("connectionMade")
            try onMade(me)
        }
        recorder.onLost = { [unowned self] me in
            events.append("connectionLost")
            onLost(me)
        }
        return recorder
    }

    override func clientConnectionFailed(_ connector: Connector, _ reason: any Error) {
        failure = reason
        #expect(connector.state == .disconnected)
        enter("failed") { try onFailed(connector) }
    }

    override func clientConnectionLost(_ connector: Connector, _ reason: any Error) {
        failure = reason
        #expect(connector.state == .disconnected)
        enter("lost") { try onLost(connector) }
    }

    /// Forgets what the test told it to do, and the connector: both may hold it.
    func letGo() {
        connector = nil
        (onStarted, onBuild, onFailed, onLost) = ({ _ in }, {}, { _ in }, { _ in })
    }

    private func enter(_ event: String, _ body: () throws -> Void) {
        #expect(!isInside, "\(event) inside another callback")
        isInside = true
        note(event, body)
        isInside = false
    }

    private func note(_ event: String, _ body: () throws -> Void) {
        events.append(event)
        do { try body() } catch { Issue.record(error) }
    }
}

/// A resolver that answers when a test says so, or never.
final class SilentResolver: Resolver {
    private(set) var asked: [SocketAddress.Family: Deferred<[SocketAddress]>] = [:]
    private(set) var cancellations = 0

    func lookUp(_ name: String, _ family: SocketAddress.Family, on reactor: Reactor) -> Deferred<[SocketAddress]> {
        let answer = Deferred<[SocketAddress]> { [unowned self] _ in cancellations += 1 }
        asked[family] = answer
        return answer
    }
}
