import Spindle

// A protocol is used on whatever thread the handle belongs to.
final class A: Protocol {
    var count = 0
    override func dataReceived(_ data: RawSpan) { reactor.handle.callFromThread { _ in self.count += 1 } }
}
