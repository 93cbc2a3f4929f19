import Spindle
import Testing

/// Rule E4: a ClientService's protocol, as the type that it has.
@Suite(.ownThreads) struct ClientServiceTypedTests {
    private final class Session: Protocol {}

    private func error<Value>(_ deferred: Deferred<Value>) -> (any Error)? {
        guard case .failure(let error) = deferred.result else { return nil }
        _ = deferred.addBoth { _ in }
        return error
    }

    @Test("E4: whenConnected(as:) gives the protocol by its type, or says what the factory built instead")
    func typed() throws {
        let reactor = try Reactor(options: .forTests)
        reactor.stopClock()
        let endpoint = ScriptedEndpoint(reactor)
        let service = ClientService(reactor, endpoint, Factory { Session() })
        service.startService()
        let session = service.whenConnected(as: Session.self)
        let other = service.whenConnected(as: Recorder.self)
        #expect(!session.hasFired && !other.hasFired)
        endpoint.succeed()
        #expect(try session.result?.get() === service.whenConnected().result?.get())
        let wrong = error(other) as? WrongProtocolError
        #expect(wrong?.wanted == "Recorder" && wrong?.built == "Session")
        #expect(wrong?.description == "the factory built a Session, not a Recorder")
        #expect(endpoint.transports[0].losing == 0)
        endpoint.transports[0].end()
        service.stopService()
    }

    @Test("E4: whenConnected(as:) is as patient as it is told, and can be cancelled")
    func patience() throws {
        let reactor = try Reactor(options: .forTests)
        reactor.stopClock()
        let endpoint = ScriptedEndpoint(reactor)
        let service = ClientService(reactor, endpoint, Factory { Session() })
        service.startService()
        let impatient = service.whenConnected(as: Session.self, failAfterFailures: 1)
        let cancelled = service.whenConnected(as: Session.self)
        cancelled.cancel()
        #expect(error(cancelled) is CancelledError)
        endpoint.fail(Mishap(number: 5))
        #expect(error(impatient) as? Mishap == Mishap(number: 5))
        service.stopService()
    }
}
