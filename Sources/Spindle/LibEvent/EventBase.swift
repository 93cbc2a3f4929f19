internal import CLibEvent
import Glibc

/// One libevent `event_base`, and the rules by which its callbacks enter Swift.
///
/// Every callback from C is one *entry*. Whatever it sets off (gathered writes to
/// send, objects to let go) waits until the callback has returned; `entry` is the
/// one place where that happens. See also `Event`, `BufferEvent` and `Listener`,
/// whose C thunks do nothing but call it.
@safe
package final class EventBase {
    /// Nil for the base of a reactor that is not (or no longer) attached to a loop:
    /// events on it never fire.
    package private(set) var raw: OpaquePointer?
    /// Whether it is ours to free.
    let isOwned: Bool

    /// What else lives on the base, and is asked to leave before it is freed.
    package var tenants: [any EventBaseTenant] = []

    /// Sees to what is to be done between entries, where C code runs the loop.
    var delegate: (any EntryDelegate)?

    /// On a base of our own with several priorities: whether the reactor has something to do before more callbacks are run.
    /// libevent goes on with the next priority by itself, and as long as one of them waits it does not come back.
    var hasTurnToTake: (() -> Bool)? { didSet { mayBreakOff = hasTurnToTake != nil } }
    /// Spares other bases looking at a closure.
    private var mayBreakOff = false
    /// It was us who have broken off the pass, for that.
    private var isBrokenOff = false

    /// Whether a callback is on the stack now.
    private(set) var isInside = false
    /// Whether the end of the entry has anything to do.
    private var hasAfterwork = false
    /// How often the loop has come round.
    private(set) var passes = 0
    /// How long callbacks and passes take.
    private(set) var watch: LoopWatch
    /// Told of each callback that took too long.
    var onSlowCallback: (_ occasion: String, _ duration: Duration) -> Void = { _, _ in }
    private var unflushed: [any Flushable] = []
    private var postponed: [() -> Void] = []
    private var dead: [AnyObject] = []

    /// A base of our own: no locks, since one thread owns it, and no look at `EVENT_NO*`
    /// environment variables, which would make a server's behaviour depend on its caller.
    ///
    /// - Parameters:
    ///   - priorities: how many there are.
    ///   - slowCallbackLimit: which callbacks `onSlowCallback` is told of.
    init(priorities: Int, slowCallbackLimit: Duration?) throws(SystemError) {
        // libevent calls exit(3) if it gets an epoll descriptor but not the pair that it wants with it.
        try DescriptorLimit.requireRoom(for: 3)
        guard let config = unsafe event_config_new() else { throw SystemError(ENOMEM, "event_config_new") }
        defer { unsafe event_config_free(config) }
        let flags = EVENT_BASE_FLAG_NOLOCK.rawValue | EVENT_BASE_FLAG_IGNORE_ENV.rawValue
        unsafe event_config_set_flag(config, Int32(flags))
        // Nothing here would work on its other methods, to which it turns when epoll fails.
        unsafe event_config_avoid_method(config, "poll")
        unsafe event_config_avoid_method(config, "select")
        guard let raw = unsafe event_base_new_with_config(config) else {
            throw SystemError(errno, "event_base_new_with_config")
        }
        // Of as many as there may be it cannot fail on a new base.
        unsafe event_base_priority_init(raw, CInt(min(max(1, priorities), Int(EVENT_MAX_PRIORITIES) - 1)))
        unsafe self.raw = raw
        isOwned = true
        watch = LoopWatch(limit: slowCallbackLimit)
    }

    /// A base that C code has made, runs and frees.
    init(adopting raw: OpaquePointer, slowCallbackLimit: Duration?) {
        unsafe self.raw = raw
        isOwned = false
        watch = LoopWatch(limit: slowCallbackLimit)
    }

    /// A base without a loop behind it.
    init(detached: Void) {
        unsafe raw = nil
        isOwned = false
        watch = LoopWatch(limit: nil)
    }

    deinit {
        assert(unflushed.isEmpty && !isInside, "an event base was freed inside one of its callbacks")
        dead.removeAll()
        guard let raw = unsafe raw else { return }
        sendTenantsAway()
        if isOwned { unsafe event_base_free(raw) }
    }

    /// Has everything that is not Spindle's own leave the base.
    private func sendTenantsAway() {
        guard let raw = unsafe raw else { return }
        for tenant in tenants { unsafe tenant.leave(raw) }
        tenants = []
    }

    /// Lets go of a base that was adopted, when no event of ours is left on it. Nothing happens on it any more.
    func detach() {
        sendTenantsAway()
        delegate.take()?.leave()
        unsafe raw = nil
    }

    // MARK: - Entries

    /// Runs `body` as one entry: afterwards sends what was gathered and lets the dead go.
    ///
    /// No callback is entered while another is on the stack of the same base: the receive
    /// buffer under its span would be overwritten. A callback that C nests is postponed.
    ///
    /// - Parameter occasion: what it is called for, asked only if it took too long.
    @inline(__always)
    func entry(_ occasion: @autoclosure () -> String, _ body: () -> Void) {
        precondition(!isInside, "the reactor's loop was entered from inside one of its own callbacks")
        isInside = true
        watch.begin()
        if !isOwned { delegate?.entryBegins() }
        body()
        lap(occasion())
        leave()
    }

    /// Notes that a part of an entry is over, which counts as a callback of its own.
    @inline(__always)
    func lap(_ occasion: @autoclosure () -> String) {
        if let duration = watch.lap() { onSlowCallback(occasion(), duration) }
    }

    /// Runs `body` when the current entry ends.
    func postpone(_ body: @escaping () -> Void) {
        hasAfterwork = true
        postponed.append(body)
        workWaits()
    }

    /// Something is to be done at the end of an entry. If there is none under way C code has called us by itself, and
    /// somebody has to bring one about.
    func workWaits() { if !isOwned, !isInside { delegate?.bringAboutEntry() } }

    /// The end of an entry. What is flushed or let go here may write, close and let go in turn.
    @inline(__always)
    private func leave() {
        if hasAfterwork {
            doAfterwork()
            lap("what a callback left to be done at its end")
        }
        isInside = false
        if mayBreakOff, let hasTurnToTake, hasTurnToTake() { breakOff() }
        guard !isOwned, let delegate else { return }
        // Where C code runs the loop nobody tells when it goes on to wait.
        watch.rest()
        delegate.entryEnded()
    }

    private func doAfterwork() {
        repeat {
            var next = 0
            while next < unflushed.count {
                unflushed[next].flush()
                next += 1
            }
            unflushed.removeAll(keepingCapacity: true)
            if !postponed.isEmpty {
                let bodies = postponed
                postponed = []
                for body in bodies { body() }
            }
            if !dead.isEmpty { dead.removeAll(keepingCapacity: true) }
        } while !(unflushed.isEmpty && postponed.isEmpty && dead.isEmpty)
        hasAfterwork = false
    }

    /// Has `flush()` called once when the current entry ends (or at the end of the next one).
    func flushLater(_ object: any Flushable) {
        hasAfterwork = true
        unflushed.append(object)
        workWaits()
    }

    /// Keeps `object` alive until the current entry has ended.
    ///
    /// C calls with guaranteed references to our objects. Dropping the last strong one while
    /// such a call is on the stack would be a use after free. Outside an entry there is none.
    func bury(_ object: AnyObject) {
        guard isInside else { return }
        hasAfterwork = true
        dead.append(object)
    }

    // MARK: - The loop

    /// Whether there is a loop behind this base.
    var isAttached: Bool { unsafe raw != nil }

    /// Whether the loop can report a change once, as epoll does, instead of a state over and over.
    var reportsChanges: Bool {
        guard let raw = unsafe raw else { return true }
        return unsafe UInt32(event_base_get_features(raw)) & EV_FEATURE_ET.rawValue != 0
    }

    /// In a child process: waits by an epoll descriptor that is not the parent's as well, for all that was waited for.
    func reinitialize() throws(SystemError) {
        guard let raw = unsafe raw else { return }
        guard unsafe event_reinit(raw) == 0 else { throw SystemError(errno, "event_reinit") }
    }

    /// How many priorities callbacks may have. The first is 0, the highest.
    var priorities: Int {
        guard let raw = unsafe raw else { return 1 }
        return unsafe Int(event_base_get_npriorities(raw))
    }

    /// Ends the pass. What is ready and was not called yet is called in the next.
    private func breakOff() {
        guard let raw = unsafe raw, unsafe event_base_got_break(raw) == 0 else { return }
        isBrokenOff = true
        unsafe event_base_loopbreak(raw)
    }

    enum PassEnd {
        case completed
        /// C code asked the loop to end.
        case exited
        case failed(SystemError)
    }

    /// The loop comes round.
    func countPass() {
        passes &+= 1
        watch.rest()
    }

    /// One pass of libevent: waits if `blocking`, then runs the callbacks of what is ready.
    func pass(blocking: Bool) -> PassEnd {
        guard let raw = unsafe raw else { return .exited }
        countPass()
        isBrokenOff = false
        let flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY | (blocking ? 0 : EVLOOP_NONBLOCK)
        if unsafe event_base_loop(raw, flags) < 0 { return .failed(SystemError(errno, "event_base_loop")) }
        let exited = unsafe event_base_got_exit(raw) != 0 || (event_base_got_break(raw) != 0 && !isBrokenOff)
        return exited ? .exited : .completed
    }
}

/// Something that gathers work during an entry and does it at the entry's end.
protocol Flushable: AnyObject {
    func flush()
}
