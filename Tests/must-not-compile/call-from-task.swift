import Spindle

// A protocol is used on another reactor's thread.
final class A: Protocol {
    var count = 0
    func count(on other: ReactorHandle) {
        reactor.spawn { try await other.callFromTask { _ in self.count += 1 } }
    }
}
