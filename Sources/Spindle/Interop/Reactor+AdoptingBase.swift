import Logging

extension Reactor {
    /// Puts a reactor on an `event_base` whose loop a C program runs, and goes on running.
    ///
    /// ```swift
    /// @c func admin_start(_ base: OpaquePointer) {
    ///     do {
    ///         let reactor = try Reactor(adopting: base)
    ///         try reactor.listenTCP(8025, AdminFactory(), interface: "127.0.0.1")
    ///     } catch { print(error) }
    /// }
    /// ```
    ///
    /// Everything works as on a reactor of its own, without ``run()``: what C does with the base, be it
    /// `event_base_dispatch` or `event_base_loop`, with locks or without, is what makes the reactor go. The base stays C's: it is
    /// never freed here, and its other events go on as they are (I1).
    ///
    /// - The reactor belongs to the thread that dispatches the base: until that has come to it for the first time, to the
    ///   one that calls this. When that thread has ended, the first that asks ``adopted(on:)`` or calls ``invalidate()`` has it.
    /// - It is kept until ``invalidate()``, which has to come before `event_base_free`; ``adopted(on:)`` finds it. libevent tells
    ///   nobody that a base is freed: doing so without it is undefined.
    /// - A dispatch that would return when nothing is left still does: the reactor has events of its own on the base
    ///   while it has ports, connections, delayed calls, tasks, signal handlers or jobs on threads, unless
    ///   ``Options/keepsLoopAlive`` says otherwise. While it has none of them ``ReactorHandle/callFromThread(_:)`` waits
    ///   until it does, or until the reactor is used on its own thread.
    /// - Signals and Dispatch's main queue are left alone; ``serveMainQueue()`` and ``addSignalHandler(_:_:)`` are there to
    ///   ask for them. SIGPIPE is ignored unless something was chosen for it, or ``Options/ignoresSIGPIPE`` is off (R5).
    /// - ``stop()`` closes what is open, as always, and C's loop goes on. Startup triggers are called in the first pass.
    /// - C code may call what lives on the reactor at any time on its thread; what that sets off is done in the next pass.
    ///
    /// - Throws: ``CannotAdoptBaseError``; ``SystemError`` when the process is out of descriptors or memory.
    public convenience init(adopting base: OpaquePointer?, options: Options = Options()) throws {
        guard let base = unsafe base else { throw CannotAdoptBaseError(reason: .null) }
        guard unsafe EventBase.isOurs(base) else { throw CannotAdoptBaseError(reason: .anotherLibevent) }
        try self.init(
            options, unsafe EventBase(adopting: base, slowCallbackLimit: options.slowCallbackLimit))
        guard unsafe AdoptedReactors.add(self, on: base) else { throw CannotAdoptBaseError(reason: .adoptedAlready) }
        do { try beHosted() } catch {
            unsafe AdoptedReactors.remove(on: base)
            throw error
        }
    }

    private func beHosted() throws(SystemError) {
        let loop = try AdoptedLoop(self)
        base.delegate = loop
        ThreadEnd.tell(handle)
        handle.queue.onAppend { [unowned base] in base.workWaits() }
        timers.onChange = { [unowned base] in base.workWaits() }
    }

    /// The reactor that was put on an `event_base`, if there is one.
    ///
    /// There is one at most, for everybody who has something to do there. Nil on any thread but the reactor's.
    public static func adopted(on base: OpaquePointer?) -> Reactor? {
        guard let base = unsafe base else { return nil }
        return unsafe AdoptedReactors.find(on: base)
    }

    /// Takes the reactor off an adopted base, at once: nothing of it is left there, and the base may be freed.
    ///
    /// Connections are aborted, ports closed, tasks and delayed calls cancelled, and each protocol gets its connectionLost, before
    /// this returns; or, if it is called by a callback of this reactor, at that callback's end. For a friendlier end,
    /// ``stop()`` before. From now on what is asked of the reactor fails with ``ReactorInvalidated``, or, where nothing can
    /// be thrown, is logged and never done. Called again, or on a reactor with a loop of its own, it does nothing (I1).
    public func invalidate() {
        _ = handle.claim()
        requireThread()
        guard isHosted, !wasInvalidated else { return }
        wasInvalidated = true
        phase = .abandoning
        if base.isInside { base.postpone(leaveAdoptedBase) } else { base.entry("the reactor's end", leaveAdoptedBase) }
    }

    private func leaveAdoptedBase() {
        guard let adopted = unsafe base.raw else { return }
        for list in open.lists { list.end(.invalidated) }
        signalHandlers = nil
        cleanUp()
        handle.close()
        leaveBase()
        phase = .idle
        unsafe AdoptedReactors.remove(on: adopted)
    }

    /// Whether it is on a base whose loop C code runs.
    package var isHosted: Bool { base.delegate != nil }

    /// Whether there is something on the reactor that the loop has to go on for.
    var isBusy: Bool {
        !open.isEmpty || awaitedAnswers > 0 || signalHandlers?.isEmpty == false || isServingMainQueue
    }
}
