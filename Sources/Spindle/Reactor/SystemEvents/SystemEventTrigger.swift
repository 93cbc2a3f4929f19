/// What is done at a ``SystemEvent``, once: what ``Reactor/addSystemEventTrigger(_:_:_:)-(_,_,()->Void)`` returns.
///
/// Discarding it changes nothing; see ``Reactor/removeSystemEventTrigger(_:)``.
public final class SystemEventTrigger {
    let phase: SystemEventPhase
    let event: SystemEvent
    /// Returns what has to fire before the event goes on, if anything.
    let body: () throws -> Deferred<Void>?

    init(_ phase: SystemEventPhase, _ event: SystemEvent, _ body: @escaping () throws -> Deferred<Void>?) {
        self.phase = phase
        self.event = event
        self.body = body
    }
}
