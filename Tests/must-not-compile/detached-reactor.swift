import Spindle

// The reactor leaves its thread.
final class A: Protocol {
    override func dataReceived(_ data: RawSpan) {
        let reactor = reactor
        Task.detached { try reactor.stop() }
    }
}
