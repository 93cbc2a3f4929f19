import Spindle

// Overrides throw or do not, and a protocol may be built for another reactor's thread and moved there.
final class Strict: Protocol {
    struct Refused: Error {}
    override func connectionMade() throws { throw Refused() }
    override func dataReceived(_ data: RawSpan) throws {}
}

final class Lenient: Protocol {
    override func connectionMade() {}
    override func dataReceived(_ data: RawSpan) {}
    override func connectionLost(_ reason: any Error) {}
}

func send(_ handle: ReactorHandle) {
    let fresh = Factory { Lenient() }
    handle.callFromThread { reactor in try reactor.listenTCP(0, fresh) }
}
