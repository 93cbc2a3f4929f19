internal import CLinux
import Glibc
import Synchronization

/// One signal turned into a wakeup, for as long as this exists.
///
/// Not libevent's signal events: those do nothing until the loop comes round, and a person
/// who presses Ctrl-C twice wants out even when a callback is stuck. They are also for one base only.
final class SignalTrap {
    let number: CInt
    private let wakeup: Wakeup
    private var previous: sigaction

    /// What the handler works with. It may allocate nothing and take no lock.
    private struct Slot: ~Copyable, Sendable {
        /// The eventfd to signal, or -1.
        let descriptor = Atomic<CInt>(-1)
        let hasArrived = Atomic(false)
        /// How many threads have the handler on their stack.
        let atWork = Atomic(0)
        let endsProcessOnRepeat = Atomic(false)
    }
    private static let slots = InlineArray<65, Slot> { _ in Slot() }

    /// Begins to catch a signal, which belongs to the process as a whole.
    ///
    /// - Parameter endsProcessOnRepeat: whether the process ends at once, with status 128 + n, when a second
    ///   of the signals that were caught in this way comes.
    /// - Throws: EBUSY when another trap has it, EINVAL for one that cannot be caught.
    init(_ number: CInt, _ wakeup: Wakeup, endsProcessOnRepeat: Bool = false) throws(SystemError) {
        // A fault that is caught and returned from occurs again, for ever.
        guard Self.slots.indices.contains(Int(number)), ![SIGSEGV, SIGBUS, SIGFPE, SIGILL].contains(number) else {
            throw SystemError(EINVAL, "sigaction")
        }
        let claim = Self.slots[Int(number)].descriptor.compareExchange(
            expected: -1, desired: wakeup.descriptor, ordering: .relaxed)
        guard claim.exchanged else { throw SystemError(EBUSY, "sigaction") }
        Self.slots[Int(number)].hasArrived.store(false, ordering: .relaxed)
        Self.slots[Int(number)].endsProcessOnRepeat.store(endsProcessOnRepeat, ordering: .relaxed)
        if endsProcessOnRepeat { SecondSignal.reset() }
        var action = Self.action
        var found = sigaction()
        guard unsafe sigaction(number, &action, &found) == 0 else {
            let code = errno
            Self.release(number)
            throw SystemError(code, "sigaction")
        }
        self.number = number
        self.wakeup = wakeup
        previous = found
    }

    /// Puts back the handler that was found, unless C code has set another one since, such as libevent's for an event of its.
    deinit {
        var current = sigaction()
        unsafe sigaction(number, nil, &current)
        if Self.address(of: current) == Self.address(of: Self.action) { unsafe sigaction(number, &previous, nil) }
        Self.release(number)
    }

    private static var action: sigaction {
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_handler = { number in SignalTrap.received(number) }
        action.sa_flags = SA_RESTART
        return action
    }

    private static func address(of action: sigaction) -> UInt {
        unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: UInt.self)
    }

    /// The eventfd may be closed when this returns. A handler at work on another thread may have its number still, which the kernel
    /// gives to the next descriptor that is opened: those are waited for. They neither block nor wait.
    private static func release(_ number: CInt) {
        slots[Int(number)].descriptor.store(-1, ordering: .sequentiallyConsistent)
        while slots[Int(number)].atWork.load(ordering: .sequentiallyConsistent) > 0 { sched_yield() }
    }

    /// Whether the signal has come since this was last asked.
    func takeArrival() -> Bool { Self.slots[Int(number)].hasArrived.exchange(false, ordering: .relaxed) }

    private static func received(_ number: CInt) {
        let code = errno
        if slots[Int(number)].endsProcessOnRepeat.load(ordering: .relaxed) { SecondSignal.note(number) }
        slots[Int(number)].hasArrived.store(true, ordering: .relaxed)
        slots[Int(number)].atWork.add(1, ordering: .sequentiallyConsistent)
        eventfd_write(slots[Int(number)].descriptor.load(ordering: .sequentiallyConsistent), 1)
        slots[Int(number)].atWork.subtract(1, ordering: .sequentiallyConsistent)
        errno = code
    }

    /// Ends the process as the signal would have ended it, had nobody caught it, so that whoever waits for it
    /// can tell: a shell script stops at a command that Ctrl-C has ended.
    static func endProcess(by number: CInt) -> Never {
        fflush(nil)
        signal(number, SIG_DFL)
        raise(number)
        // The first process of a container does not die of it.
        exit(128 + number)
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
