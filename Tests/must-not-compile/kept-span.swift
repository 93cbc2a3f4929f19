import Spindle

// Bytes that are lent for one call are kept for later.
final class A: Protocol {
    override func dataReceived(_ data: RawSpan) {
        reactor.callLater(.seconds(1)) { self.transport.write(data) }
    }
}
