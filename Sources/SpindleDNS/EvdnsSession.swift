internal import CLibEvent
internal import CLibEventDNS
import Glibc
import Spindle

/// One evdns base: made for a look-up, and freed when there is none left.
///
/// What matters is the order in which things are freed. The evdns base has events on the event base
/// and must be freed before it; a look-up holds on to the evdns base until its callback, which a cancelled one gets from
/// the loop too; and a callback may come with evdns on the stack. So the evdns base is freed between two passes, a
/// whole pass after the last callback; or, when the event base goes, after one last turn of the loop in
/// which the cancelled look-ups get their callbacks.
///
/// Freeing it early has two more reasons: its events would keep a C program's loop from ending, and it asks for
/// `google.com`, again and again, to find out whether a name server that has failed is well again.
@safe
final class EvdnsSession {
    private weak var reactor: Reactor?
    /// Nil once it is freed.
    private var raw: OpaquePointer?
    /// C holds unretained pointers to these, until their callbacks.
    private var underWay: [ObjectIdentifier: EvdnsLookUp] = [:]
    private var finished = 0

    init(_ reactor: Reactor, _ configuration: EvdnsConfiguration) throws(EvdnsFailure) {
        guard let base = unsafe reactor.base.raw else { throw EvdnsFailure(reason: "the reactor has no loop") }
        self.reactor = reactor
        unsafe raw = try configuration.makeBase(on: base)
    }

    deinit { assert(unsafe raw == nil, "the base lets nobody go who has not left") }

    func isOpen(on reactor: Reactor) -> Bool { unsafe raw != nil && self.reactor === reactor }

    func lookUp(_ name: String, _ family: SocketAddress.Family) -> Deferred<[SocketAddress]> {
        let lookUp = EvdnsLookUp(name, self)
        underWay[ObjectIdentifier(lookUp)] = lookUp
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = family == .ipv6 ? AF_INET6 : AF_INET
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        // Nil if the callback has been called already, as for a name of /etc/hosts.
        unsafe lookUp.request = evdns_getaddrinfo(
            raw, name, nil, &hints, EvdnsLookUp.thunk, Unmanaged.passUnretained(lookUp).toOpaque())
        return lookUp.deferred
    }

    /// evdns has answered. It is on the stack, and perhaps a callback of somebody else's: the answer waits.
    func finish(_ lookUp: EvdnsLookUp, _ answer: Result<[SocketAddress], any Error>) {
        underWay[ObjectIdentifier(lookUp)] = nil
        finished += 1
        let deferred = lookUp.deferred
        reactor?.inNextPass { try? deferred.fire(answer) }
        if underWay.isEmpty { endUnlessUsed(since: finished) }
    }

    /// Two passes on, so that one lies between: evdns may have queued itself callbacks that are not ours.
    private func endUnlessUsed(since count: Int) {
        reactor?.inNextPass { [weak self] in
            self?.reactor?.inNextPass {
                guard let self, self.finished == count, self.underWay.isEmpty else { return }
                self.end()
                self.reactor?.base.tenants.removeAll { $0 === self }
            }
        }
    }

    private func end() {
        if let raw = unsafe raw.take() { unsafe evdns_base_free(raw, 0) }
    }
}

extension EvdnsSession: EventBaseTenant {
    func leave(_ base: OpaquePointer) {
        for lookUp in underWay.values { lookUp.cancel() }
        // The cancelled get their callbacks from the loop, and only then may the evdns base go.
        if !underWay.isEmpty { unsafe event_base_loop(base, EVLOOP_NONBLOCK) }
        end()
    }
}
