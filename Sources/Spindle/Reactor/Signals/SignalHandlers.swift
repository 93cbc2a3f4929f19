import Glibc

/// The signals that a reactor handles, and what it does when they come.
struct SignalHandlers {
    /// Signalled by each of them.
    let wakeup: Wakeup
    private var traps: [SignalTrap] = []
    private var handlers: [SignalHandler] = []

    init() throws(SystemError) { wakeup = try Wakeup() }

    mutating func add(_ handler: SignalHandler, endsProcessOnRepeat: Bool = false) throws(CannotHandleSignalError) {
        if !handles(handler.signal) {
            do throws(SystemError) {
                traps.append(try SignalTrap(handler.signal, wakeup, endsProcessOnRepeat: endsProcessOnRepeat))
            } catch {
                throw CannotHandleSignalError(signal: handler.signal, errno: error.errno)
            }
        }
        handlers.append(handler)
    }

    var isEmpty: Bool { handlers.isEmpty }

    func handles(_ signal: CInt) -> Bool { traps.contains { $0.number == signal } }

    func contains(_ handler: SignalHandler) -> Bool { handlers.contains { $0 === handler } }

    /// Removes a handler. With the last one for a signal, what was found there before is put back.
    mutating func remove(_ handler: SignalHandler) {
        handlers.removeAll { $0 === handler }
        traps.removeAll { trap in !handlers.contains { $0.signal == trap.number } }
    }

    /// The handlers for the signals that have come since this was last asked.
    func takeArrivals() -> [SignalHandler] {
        let arrived = traps.filter { $0.takeArrival() }.map(\.number)
        return handlers.filter { arrived.contains($0.signal) }
    }
}
