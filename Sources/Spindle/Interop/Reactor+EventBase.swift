extension Reactor {
    /// The `struct event_base *` that the reactor waits on, for C code that puts events of its own there.
    ///
    /// ```swift
    /// let http = evhttp_new(reactor.eventBase)
    /// ```
    ///
    /// It has no locks unless it was adopted: use it on the reactor's thread only. Callbacks of C's own events may call
    /// whatever lives on the reactor. Whoever puts something there takes it away before the reactor is released. Nil of
    /// a reactor without a loop, which is what a protocol has before it is connected.
    public var eventBase: OpaquePointer? {
        requireThread()
        return unsafe base.raw
    }
}
