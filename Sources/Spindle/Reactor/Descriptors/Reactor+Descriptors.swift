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
    /// - Throws: ``CannotWatchError``; ``ReactorNotRunning`` for a reactor without a loop, which is what a protocol has
    ///   before it is connected.
    @discardableResult
    public func watch(
        _ descriptor: CInt, _ interest: DescriptorInterest, _ body: @escaping () throws -> Void
    ) throws -> DescriptorWatch {
        requireThread()
        try requireLoop()
        return try DescriptorWatch(self, descriptor, interest, body)
    }

    /// A Deferred that fires when a descriptor is ready, once; cancelling it ends the watching.
    ///
    /// ```swift
    /// reactor.spawn {
    ///     try await reactor.whenReady(device, .read).value()
    ///     let count = read(device, buffer, size)
    /// }
    /// ```
    ///
    /// It fails with what ``watch(_:_:_:)`` throws.
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
