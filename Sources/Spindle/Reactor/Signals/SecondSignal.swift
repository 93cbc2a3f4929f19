import Glibc
import Synchronization

/// What a second Ctrl-C does: of the signals that stop the process in good order the second ends it at once (R5).
enum SecondSignal {
    private static let count = Atomic(0)

    /// Those that have come so far do not count: nobody was told of them.
    static func reset() { count.store(0, ordering: .relaxed) }

    /// One has come. Called by a signal handler, which may allocate nothing and take no lock.
    static func note(_ number: CInt) { if count.add(1, ordering: .relaxed).newValue > 1 { _exit(128 + number) } }
}
