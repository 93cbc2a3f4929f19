internal import CLibEvent
import Glibc

/// A libevent `event` on one descriptor, and the object it calls.
///
/// The handler is held strongly, so an event and its owner usually form a cycle; the owner
/// ends it with `EventBase.bury(event)`. C holds an unretained pointer to the `Event`, which
/// is sound because freeing the event, in `deinit`, is what takes that pointer away.
@safe
final class Event: EntrySource {
    /// What an event waits for, beside being persistent, which all of ours are.
    struct Interest {
        fileprivate let flags: Int32
        /// Readable, again and again while it is.
        static let readable = Interest(flags: EV_READ)
        /// Writable, again and again while it is.
        static let writable = Interest(flags: EV_WRITE)
        /// Newly readable: for an eventfd or timerfd, once per signal, which spares reading it.
        static let signalled = Interest(flags: EV_READ | EV_ET)
    }

    let base: EventBase
    var occasion: String { "an event of \(handler)" }
    let descriptor: CInt
    fileprivate let handler: any EventHandler
    private var raw: OpaquePointer?

    /// - Parameter priority: one that the base has; nil for the middle one.
    init(
        _ base: EventBase, _ descriptor: CInt, _ interest: Interest, priority: Int? = nil, _ handler: any EventHandler
    ) {
        self.base = base
        self.descriptor = descriptor
        self.handler = handler
        if let rawBase = unsafe base.raw {
            let flags = Int16(interest.flags | EV_PERSIST)
            let context = unsafe Unmanaged.passUnretained(self).toOpaque()
            unsafe raw = event_new(rawBase, descriptor, flags, eventThunk, context)
            if let priority, let raw = unsafe raw { unsafe event_priority_set(raw, CInt(priority)) }
        }
    }

    deinit { if let raw = unsafe raw { unsafe event_free(raw) } }

    /// Starts waiting.
    ///
    /// - Throws: when the kernel has no room for one more watched descriptor, or cannot watch this one.
    func add() throws(SystemError) {
        guard let raw = unsafe raw else { throw SystemError(EBADF, "event_add") }
        guard unsafe event_add(raw, nil) == 0 else { throw SystemError(errno, "event_add") }
    }

    /// Stops waiting; `add` may start it again.
    func remove() {
        if let raw = unsafe raw { unsafe event_del(raw) }
    }
}

/// What an `Event` calls, on the reactor's thread, inside an entry.
protocol EventHandler: AnyObject, CustomStringConvertible {
    func eventFired()
}

private let eventThunk: event_callback_fn = { _, _, context in
    unsafe Event.enter(context) { $0.handler.eventFired() }
}
