import Spindle

// A protocol is used on a thread of the pool.
final class A: Protocol {
    var count = 0
    override func dataReceived(_ data: RawSpan) { reactor.deferToThread { self.count += 1 } }
}
