import Spindle

// A task may use everything that lives on the reactor: self, its transport, its state.
final class Counter: Protocol {
    private var count = 0

    nonisolated(nonsending) func later() async throws {
        try await reactor.sleep(.milliseconds(1)).value()
        count += 1
    }

    override func dataReceived(_ data: RawSpan) {
        count += data.byteCount
        reactor.spawn {
            try await self.later()
            self.transport.write("\(self.count)")
        }
    }
}
