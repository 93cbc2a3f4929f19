import Spindle

// An ordinary async method runs on no thread in particular.
final class A: Protocol {
    func helper() async { transport.write("x") }
    override func dataReceived(_ data: RawSpan) { reactor.spawn { await self.helper() } }
}
