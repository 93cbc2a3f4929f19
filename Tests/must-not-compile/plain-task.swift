import Spindle

// A task that is not the reactor's own touches the protocol.
final class A: Protocol {
    var count = 0
    override func dataReceived(_ data: RawSpan) { Task { self.count += 1 } }
}
