extension Reactor {
    /// Figures of a reactor: some of the moment, some counted since it was made.
    public struct Statistics: Sendable, Hashable {
        /// How often the loop has come round.
        public var passes: Int
        /// The longest that it was busy without waiting, to the kernel's tick of some 4 ms. While it is, everybody waits.
        public var longestPass: Duration

        /// Connections that are open now.
        public var connections: Int
        /// Connections that are being made now.
        public var connectionAttempts: Int
        /// Ports that listen now.
        public var listeningPorts: Int
        /// Delayed calls that wait now.
        public var delayedCalls: Int
        /// Spawned tasks that are not over.
        public var tasks: Int
        /// Watches of descriptors that are not cancelled; see ``Reactor/watch(_:_:priority:_:)``.
        public var watchedDescriptors: Int

        /// Queued calls and steps of tasks that were done so far.
        public var jobs: Int
        /// Bytes that connections have received so far.
        public var bytesReceived: Int
        /// Bytes that were written to connections so far, sent or not.
        public var bytesWritten: Int

        /// The reactor's own thread pool; nil if nothing has made it work.
        public var threads: ThreadPool.Statistics?
    }
}
