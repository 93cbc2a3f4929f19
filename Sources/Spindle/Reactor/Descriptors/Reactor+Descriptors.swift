extension Reactor {
    /// Calls `body` on the loop as long as a descriptor is ready: for what brings its own descriptor, such as a
    /// library with a connection of its own, an inotify(7) instance or a device.
    ///
    /// ```swift
    /// let watch = try reactor.watch(PQsocket(connection), .read) { session.takeInput() }
    /// ```
    ///
    /// It is level-triggered: what is still ready when `body` has returned is reported again in the next pass. For reading and
    /// writing take two watches, and cancel the one for writing as soon as there is nothing to write, since a descriptor is
    /// ready for that most of the time. What `body` throws is logged, and ends the watching; it harms nobody else (R6).
    ///
    /// The descriptor stays yours. Cancel before you close it: the kernel forgets a closed descriptor without a word, and the next
    /// one that gets its number would not be watched. The reactor keeps the watch, with all that `body` holds, until
    /// it is cancelled or `run()` returns.
    ///
    /// - Parameter priority: one of ``priorities``; nil for the middle one, which everything else on the reactor has.
    /// - Throws: ``CannotWatchError``; ``NoSuchPriorityError``; ``ReactorNotRunning`` for a reactor without a loop, which is what a protocol has
    ///   before it is connected.
    @discardableResult
    public func watch(
        _ descriptor: CInt, _ interest: DescriptorInterest, priority: Int? = nil, _ body: @escaping () throws -> Void
    ) throws -> DescriptorWatch {
        requireThread()
        try requireLoop()
        if let priority, !priorities.contains(priority) {
            throw NoSuchPriorityError(priority: priority, priorities: priorities)
        }
        return try DescriptorWatch(self, descriptor, interest, priority: priority, body)
    }

    /// The priorities that there are: 0 is the highest.
    ///
    /// ```swift
    /// options.priorities = 3
    /// try reactor.watch(alarm, .read, priority: 0) { … }
    /// try reactor.watch(chores, .read, priority: 2) { … }
    /// ```
    ///
    /// Whenever several things are ready those of the highest priority among them are done, and then libevent looks again what is
    /// ready: as long as something is that has a higher priority, nothing lower is done at all. Connections, ports, delayed
    /// calls, signals and what other threads queue have the middle one, the greater of two: a watch above is called before
    /// them and can starve them, one below when they have nothing to do.
    /// There is one priority unless ``Options/priorities`` says otherwise; an adopted `event_base` has those that C code
    /// gave it (`event_base_priority_init`).
    public var priorities: Range<Int> { 0..<base.priorities }

    /// A Deferred that fires when a descriptor is ready, once; cancelling it ends the watching.
    ///
    /// ```swift
    /// reactor.spawn {
    ///     try await reactor.whenReady(device, .read).value()
    ///     let count = read(device, buffer, size)
    /// }
    /// ```
    ///
    /// It fails with what ``watch(_:_:priority:_:)`` throws.
    public func whenReady(
        _ descriptor: CInt, _ interest: DescriptorInterest, fileID: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<Void> {
        var watch: DescriptorWatch?
        let deferred = Deferred<Void>(fileID: fileID, line: line, canceller: { _ in watch?.cancel() })
        do {
            watch = try self.watch(descriptor, interest) {
                watch?.cancel()
                try deferred.callback(())
            }
            return deferred
        } catch {
            return Deferred(.failure(error), fileID: fileID, line: line)
        }
    }
}
