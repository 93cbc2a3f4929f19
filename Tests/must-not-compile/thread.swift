import Foundation
import Spindle

// A transport is written to from a thread.
final class A: Protocol {
    override func dataReceived(_ data: RawSpan) { Thread.detachNewThread { self.transport.write("x") } }
}
