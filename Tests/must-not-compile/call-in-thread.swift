import Spindle

// A transport is written to from a thread of the pool.
final class A: Protocol {
    override func dataReceived(_ data: RawSpan) { reactor.callInThread { self.transport.write("x") } }
}
