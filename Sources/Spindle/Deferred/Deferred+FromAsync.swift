extension Deferred where Value: Sendable {
    /// Runs asynchronous code that has nothing to do with the reactor, away from its thread, and brings the result here.
    ///
    /// ```swift
    /// Deferred(on: reactor) { try await database.rows(matching: query) }
    ///     .addCallback { rows in self.transport.write(render(rows)) }
    /// ```
    ///
    /// ``Reactor/spawn(_:fileID:line:)`` is for code that uses what lives on the reactor, and keeps all that it
    /// calls on the reactor's thread, other libraries' actors included. This is for what may take a thread for
    /// itself: it runs where Swift runs tasks, and neither touches the reactor nor holds it up. To run something synchronous
    /// there is `deferToThread`.
    ///
    /// A closure of several statements says what it returns: `Deferred(on: reactor) { () -> Int in … }`.
    ///
    /// Cancelling the Deferred cancels the task, and so does stopping the reactor, which waits for it
    /// no longer than ``Reactor/Options/shutdownGrace``.
    public convenience init(
        on reactor: Reactor, fileID: StaticString = #fileID, line: UInt = #line,
        fromAsync body: sending @escaping () async throws -> Value
    ) {
        reactor.requireThread()
        reactor.warnIfDetached("Deferred(on:fromAsync:)")
        reactor.hasSpawned = true
        let entry = SpawnedTask(Origin(fileID: fileID, line: line))
        self.init(fileID: fileID, line: line) { _ in entry.cancel() }
        guard !reactor.wasInvalidated else {
            try? errback(ReactorInvalidated())
            return
        }
        let errand = reactor.bound(Errand(self, entry, reactor))
        if reactor.isClosing { entry.cancel() }
        let task = Task {
            let result: Result<Value, any Error>
            do {
                // What the task awaits is none of this reactor's, even if it is made by one of its tasks.
                result = .success(try await ReactorHandle.$ofTask.withValue(nil) { try await body() })
            } catch {
                result = .failure(error)
            }
            errand.handle.callFromThread { reactor in try? errand.value(on: reactor).deferred.fire(result) }
        }
        entry.started(task)
    }
}

/// A task that runs elsewhere, as its reactor sees it. It is on the reactor's list while there is this.
private final class Errand<Value> {
    let deferred: Deferred<Value>
    private let slot: Int
    private weak var reactor: Reactor?

    init(_ deferred: Deferred<Value>, _ entry: SpawnedTask, _ reactor: Reactor) {
        self.deferred = deferred
        self.reactor = reactor
        slot = reactor.open.tasks.insert(entry)
        entry.slot = slot
    }

    deinit { reactor?.open.tasks.remove(slot) }
}
