/// Something that has events of its own on a reactor's base, past Spindle's: a part of libevent such as evdns.
///
/// The base keeps it, from `EventBase.tenants`, and not the other way round; so it is asked to leave before the
/// base is freed, when no loop will run any more and nothing of Spindle's is left on the base.
package protocol EventBaseTenant: AnyObject {
    /// Removes its events from the base, at once. It may run the loop for that.
    func leave(_ base: OpaquePointer)
}
