extension ThreadPool {
    /// What the threads of a pool are at.
    public struct Statistics: Sendable, Hashable {
        /// Threads that do a job now.
        public var working: Int
        /// Threads without a job.
        public var idle: Int
        /// Jobs that no thread has begun.
        public var waiting: Int
        /// Jobs done so far, those that failed included.
        public var completed: Int

        /// How many threads there are.
        public var threads: Int { working + idle }
    }
}
