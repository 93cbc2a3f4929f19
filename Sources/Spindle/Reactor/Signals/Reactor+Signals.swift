import Glibc
import Logging

extension Reactor {
    /// Calls `body` on the loop whenever the process gets a signal.
    ///
    /// ```swift
    /// try reactor.addSignalHandler(SIGHUP) { configuration.reload() }
    /// ```
    ///
    /// Signals of one kind that come faster than the loop comes round are handled once. What `body`
    /// throws is logged. On any thread, whichever thread the kernel gives the signal to; but a signal belongs to the
    /// process, and one reactor of it may handle it. `SIGINT` and `SIGTERM` do not stop a reactor that handles them (R5).
    ///
    /// A handler stays until it is removed or the reactor is released; then what the signal did before is put back. So one that
    /// is never removed holds the reactor weakly, or as `unowned`, or keeps it for ever.
    ///
    /// - Throws: ``CannotHandleSignalError``, ``SystemError`` when the process is out of descriptors.
    /// - Returns: what ``removeSignalHandler(_:)`` removes it by.
    @discardableResult
    public func addSignalHandler(_ signal: Int32, _ body: @escaping () throws -> Void) throws -> SignalHandler {
        requireThread()
        if wasInvalidated { throw ReactorInvalidated() }
        removeStopHandlers { $0 == signal }
        let handler = SignalHandler(signal, body)
        try add(handler)
        return handler
    }

    /// Removes a handler; does nothing if that was done already.
    public func removeSignalHandler(_ handler: SignalHandler) {
        requireThread()
        signalHandlers?.remove(handler)
    }

    private func add(_ handler: SignalHandler, endsProcessOnRepeat: Bool = false) throws {
        if signalHandlers == nil {
            let handlers = try SignalHandlers()
            try watch(handlers.wakeup.descriptor, "signals") { [unowned self] in signalsArrived() }
            signalHandlers = handlers
        }
        try signalHandlers?.add(handler, endsProcessOnRepeat: endsProcessOnRepeat)
    }

    private func signalsArrived() {
        // One of them may remove another.
        for handler in signalHandlers?.takeArrivals() ?? [] where signalHandlers?.contains(handler) == true {
            guarding("the handler of signal \(handler.signal)", handler.body)
        }
    }

    // MARK: - Stopping by signal

    /// Has SIGINT and SIGTERM stop the main thread's reactor, but for those that have a handler already.
    func addStopHandlers() throws {
        guard options.handlesSignals, MainQueue.isHere else { return }
        stopSignal = nil
        for signal in [SIGINT, SIGTERM] where signalHandlers?.handles(signal) != true {
            let handler = SignalHandler(signal) { [unowned self] in
                logger.info("told by signal \(signal) to stop; a second one ends the process at once")
                stopSignal = signal
                handle.stop()
            }
            do {
                try add(handler, endsProcessOnRepeat: true)
                stopHandlers.append(handler)
            } catch let error as CannotHandleSignalError where error.errno == EBUSY {
                // Another reactor's handler for it decides.
            } catch {
                removeStopHandlers { _ in true }
                throw error
            }
        }
    }

    func removeStopHandlers(_ isMeant: (Int32) -> Bool) {
        for handler in stopHandlers where isMeant(handler.signal) { signalHandlers?.remove(handler) }
        stopHandlers.removeAll { isMeant($0.signal) }
    }
}
