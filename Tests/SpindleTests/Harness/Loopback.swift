import Spindle

/// Addresses of the loopback interface that no other test is on: a port that a test gives up there is not taken by
/// another one before the test wants it again, or finds it closed.
enum Loopback {
    private static let last = Lock(0)

    static func own() -> String {
        let number = last.withLock { last in
            last += 1
            return last
        }
        return "127.77.\(number / 250 % 250).\(number % 250 + 1)"
    }
}
