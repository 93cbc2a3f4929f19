internal import CLibEvent
import Glibc

/// Has the loop come back in its next pass, after I/O has had its turn: a libevent timer without a delay.
///
/// Not `event_active`, which would have it come back in the same pass, again and again, before anybody else.
@safe
final class TurnEvent: EntrySource {
    let base: EventBase
    var occasion: String { "a turn" }
    fileprivate let handler: any EventHandler
    private var raw: OpaquePointer?

    init(_ base: EventBase, _ handler: any EventHandler) throws(SystemError) {
        self.base = base
        self.handler = handler
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        guard let rawBase = unsafe base.raw, let made = unsafe event_new(rawBase, -1, 0, turnThunk, context) else {
            throw SystemError(ENOMEM, "event_new")
        }
        unsafe raw = made
    }

    deinit { if let raw = unsafe raw { unsafe event_free(raw) } }

    /// Comes once, at the beginning of the next pass, before I/O.
    func scheduleFirst() { if let raw = unsafe raw { unsafe event_active(raw, EV_TIMEOUT, 0) } }

    /// Comes once.
    func schedule() {
        var now = timeval()
        if let raw = unsafe raw { unsafe event_add(raw, &now) }
    }
}

private let turnThunk: event_callback_fn = { _, _, context in
    unsafe TurnEvent.enter(context) { $0.handler.eventFired() }
}
