/// The reactors that are on C programs' bases. Being listed here is what keeps one, until it is invalidated.
@safe
package enum AdoptedReactors {
    /// Sound: what is found here is used on the reactor's own thread only, which `find` sees to.
    private struct Entry: @unchecked Sendable {
        let reactor: Reactor
        let handle: ReactorHandle
    }
    private static let entries = Lock<[UInt: Entry]>([:])

    /// Lists a reactor. False if its base has one already.
    static func add(_ reactor: Reactor, on base: OpaquePointer) -> Bool {
        let entry = Entry(reactor: reactor, handle: reactor.handle)
        return entries.withLock { entries in
            guard entries[UInt(bitPattern: base)] == nil else { return false }
            entries[UInt(bitPattern: base)] = entry
            return true
        }
    }

    static func remove(on base: OpaquePointer) {
        // Released out of the lock: it may be the last reference.
        _ = entries.withLock { $0.removeValue(forKey: UInt(bitPattern: base)) }
    }

    static func find(on base: OpaquePointer) -> Reactor? {
        guard let entry = entries.withLock({ $0[UInt(bitPattern: base)] }) else { return nil }
        return entry.handle.claim() ? entry.reactor : nil
    }

    /// Whether there is a reactor on a base, and which thread may use it.
    package static func handle(on base: OpaquePointer) -> ReactorHandle? {
        entries.withLock { $0[UInt(bitPattern: base)]?.handle }
    }
}
