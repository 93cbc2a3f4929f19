internal import CLibEvent
import Glibc
import Synchronization

/// SIGINT and SIGTERM turned into a wakeup, for as long as it is installed.
///
/// Not libevent's signal events: those do nothing until the loop comes round, and a person
/// who presses Ctrl-C twice wants out even when a callback is stuck.
final class SignalTrap {
    /// Signalled by the first signal.
    let wakeup: Wakeup
    private var previous: [(number: CInt, action: sigaction)] = []

    private static let signals = [SIGINT, SIGTERM]

    /// What the handler works with. It may allocate nothing and take no lock.
    private struct Shared: ~Copyable, Sendable {
        let descriptor = Atomic<CInt>(-1)
        let count = Atomic<Int>(0)
    }
    private static let shared = Shared()

    /// Nil on any thread but the main one, or where another trap is installed: signals belong to
    /// the process, and one reactor answers for them.
    init?() throws(SystemError) {
        guard spindle_is_main_thread() != 0, Self.shared.descriptor.load(ordering: .relaxed) < 0 else { return nil }
        wakeup = try Wakeup()
        Self.shared.count.store(0, ordering: .relaxed)
        Self.shared.descriptor.store(wakeup.descriptor, ordering: .relaxed)
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_handler = { number in SignalTrap.received(number) }
        action.sa_flags = SA_RESTART
        for number in Self.signals {
            var old = sigaction()
            unsafe sigaction(number, &action, &old)
            previous.append((number, old))
        }
    }

    /// Puts back the handlers that were found.
    func remove() {
        for (number, action) in previous {
            var action = action
            unsafe sigaction(number, &action, nil)
        }
        previous = []
        Self.shared.descriptor.store(-1, ordering: .relaxed)
    }

    private static func received(_ number: CInt) {
        let code = errno
        if shared.count.add(1, ordering: .relaxed).newValue > 1 { _exit(128 + number) }
        eventfd_write(shared.descriptor.load(ordering: .relaxed), 1)
        errno = code
    }

    /// Ignores SIGPIPE unless the program has chosen something for it.
    static func ignoreSIGPIPE() {
        var action = sigaction()
        unsafe sigaction(SIGPIPE, nil, &action)
        guard unsafe action.__sigaction_handler.sa_handler == nil else { return }
        unsafe action.__sigaction_handler.sa_handler = SIG_IGN
        unsafe sigaction(SIGPIPE, &action, nil)
    }
}
