import Dispatch
import Spindle

// A transport is written to from a queue.
final class A: Protocol {
    override func dataReceived(_ data: RawSpan) { DispatchQueue.global().async { self.transport.write("x") } }
}
