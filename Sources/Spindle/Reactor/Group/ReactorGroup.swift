import Synchronization

/// Reactors on several threads that work as one server: for programs that one core is not enough for.
///
/// ```swift
/// let group = try ReactorGroup()
/// let address = try group.listenTCP(8000) { reactor in EchoFactory() }
/// try group.run()
/// ```
///
/// Each reactor has a factory of its own and serves its own connections, on its own thread, so that protocols and
/// factories are written as for one reactor, without locks. What all have in common travels between them by
/// ``ReactorHandle/callFromThread(_:)``.
///
/// The thread that calls ``run()`` serves no connections, so that it does not keep any waiting. On the main thread it takes care
/// of signals (R5), and `DispatchQueue.main` and `@MainActor` code run on it (H5). May be used from any thread.
public final class ReactorGroup: Sendable {
    /// One for each reactor.
    public let handles: [ReactorHandle]

    private let reactors: Lock<[Reactor]>
    /// Runs on the thread of `run()`, for as long as the others do.
    private let frontReactor: Lock<Reactor>
    let front: ReactorHandle

    private let isRunning = Atomic(false)
    /// Why the group ends, where it is not because it was told to.
    private let failure = Lock<(any Error)?>(nil)
    private let turn = Atomic(0)

    /// How many processors this process may use: its affinity says, and its control group's quota.
    public static var availableProcessors: Int { Processors.available }

    /// Creates the reactors. Their threads begin with ``run()``.
    ///
    /// - Parameters:
    ///   - count: how many reactors serve connections; ``availableProcessors`` if nil.
    ///   - options: of each of them. Whether signals stop the group is in them, too.
    /// - Throws: ``InvalidReactorCount`` if there would be none; ``SystemError`` when the kernel is out of
    ///   descriptors or memory.
    public convenience init(count: Int? = nil, options: Reactor.Options = Reactor.Options()) throws {
        let count = count ?? Self.availableProcessors
        guard count > 0 else { throw InvalidReactorCount(count: count) }
        self.init(front: try Reactor(options: options), try (0..<count).map { _ in try Reactor(options: options) })
    }

    init(front: sending Reactor, _ reactors: sending [Reactor]) {
        handles = reactors.map(\.handle)
        self.front = front.handle
        self.reactors = Lock(reactors)
        frontReactor = Lock(front)
    }

    // MARK: - Running

    /// Runs every reactor on a thread of its own, and returns when all have ended.
    ///
    /// They all stop when one does: by ``stop()``, by a signal if this is the main thread (R5), or by
    /// ``Reactor/stop()`` in a callback. Each does so gracefully, by itself and at the same time (R4). A group that has
    /// ended may run again (R1); its ports are closed by then.
    ///
    /// - Throws: ``ReactorAlreadyRunning``; the first error that a reactor failed with, when all have ended.
    @available(
        *, noasync, message: "run() blocks its thread: call it from synchronous code, such as `static func main()`"
    )
    public func run() throws {
        guard isRunning.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
        else { throw ReactorAlreadyRunning() }
        defer { isRunning.store(false, ordering: .releasing) }
        let front = frontReactor.withLock { $0 }
        front.handle.bindToCurrentThread()
        let crew = ReactorCrew(handles)
        let starting = front.addSystemEventTrigger(.after, .startup) { [self] in try start(crew, front) }
        let stopping = front.addSystemEventTrigger(.before, .shutdown) {
            // Whom they accept later nobody serves any more.
            for port in front.open.ports.all { port.stopListening() }
            return crew.stop()
        }
        do { try front.run() } catch { fail(error) }
        front.removeSystemEventTrigger(starting)
        front.removeSystemEventTrigger(stopping)
        crew.join()
        // What was asked of those that had ended, while others had not, would be done when the group runs again.
        for handle in handles + [front.handle] { handle.queue.dropCalls() }
        if let failure = failure.withLock({ $0.take() }) { throw failure }
    }

    /// Stops all reactors; ``run()`` returns when they have closed what is open. From any thread.
    ///
    /// Does nothing when they are stopping already. A group that does not run yet will stop at once when it does.
    public func stop() { front.stop() }

    /// Ends the group, with an error for `run()` to throw.
    func fail(_ error: any Error) {
        failure.withLock { $0 = $0 ?? error }
        stop()
    }

    /// Starts the threads; in the end each tells `front` of its own.
    private func start(_ crew: ReactorCrew, _ front: Reactor) throws {
        let home = front.bound(crew)
        do throws(SystemError) {
            for index in handles.indices {
                try crew.start { [self] in
                    let reactor = reactors.withLock { $0[index] }
                    do { try serve(reactor) } catch { fail(error) }
                    home.handle.callFromThread { front in home.value(on: front).ended() }
                }
            }
        } catch {
            fail(error)
        }
    }

    /// Runs one of the reactors on this thread. When it is told to stop, all are.
    private func serve(_ reactor: Reactor) throws {
        reactor.handle.bindToCurrentThread()
        let stopping = reactor.addSystemEventTrigger(.before, .shutdown) { [self] in stop() }
        defer { reactor.removeSystemEventTrigger(stopping) }
        try reactor.run()
    }

    // MARK: - Choosing reactors

    /// Calls `body` with each of the reactors, on its own thread, in one of its next passes.
    ///
    /// ```swift
    /// group.forEach { reactor in Metrics(reactor).start() }
    /// ```
    ///
    /// It is ``ReactorHandle/callFromThread(_:)`` of each: it does not wait for any of them, and before
    /// ``run()`` the calls are kept until then. What `body` throws is logged.
    public func forEach(_ body: @escaping @Sendable (Reactor) throws -> Void) {
        for handle in handles { handle.callFromThread(body) }
    }

    /// The reactors one after the other, for work that any of them can do.
    ///
    /// ```swift
    /// group.next().callFromThread { reactor in
    ///     HostnameEndpoint(reactor, "example.com", 80).connectProtocol(Greeter())
    /// }
    /// ```
    public func next() -> ReactorHandle {
        handles[Int(UInt(bitPattern: turn.wrappingAdd(1, ordering: .relaxed).oldValue) % UInt(handles.count))]
    }
}

/// A reactor group was to have no reactors, or fewer.
public struct InvalidReactorCount: Error, Hashable, Sendable, CustomStringConvertible {
    public let count: Int
    public var description: String { "a group has at least one reactor, not \(count)" }
}
