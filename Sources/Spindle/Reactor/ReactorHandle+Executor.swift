// How Swift concurrency runs on the reactor: its jobs join the queue that the loop drains.

extension ReactorHandle {
    /// The reactor that the current task was spawned on.
    @TaskLocal static var ofTask: ReactorHandle?
}

extension ReactorHandle: SerialExecutor, TaskExecutor {
    public func enqueue(_ job: consuming ExecutorJob) { post(.job(UnownedJob(job))) }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { unsafe UnownedSerialExecutor(ordinary: self) }

    public func asUnownedTaskExecutor() -> UnownedTaskExecutor { unsafe UnownedTaskExecutor(ordinary: self) }

    public func checkIsolated() {
        if !isCurrent { fatalError("not on the reactor's thread: come in through ReactorHandle.callFromThread") }
    }

    public func isIsolatingCurrentContext() -> Bool? { isCurrent }

    /// Runs a job taken from the queue, on the reactor's thread.
    func run(_ job: UnownedJob) {
        unsafe job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
    }
}
