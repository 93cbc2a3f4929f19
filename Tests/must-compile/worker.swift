import Spindle

// Work off the thread on copied bytes, the answer brought back to one chosen connection.
final class Worker: Protocol {
    override func dataReceived(_ data: RawSpan) {
        let bytes = Array(copying: data)
        let me = reactor.bound(self)
        Task.detached {
            let sum = bytes.reduce(0) { $0 &+ $1 }
            me.handle.callFromThread { reactor in me.value(on: reactor).transport.write("\(sum)") }
        }
    }
}
