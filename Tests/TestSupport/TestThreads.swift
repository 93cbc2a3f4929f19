import Glibc
import Spindle
package import Testing

/// Runs tests on threads of their own: `@Suite(.ownThreads)`.
///
/// A test here blocks its thread with a reactor that runs. On the threads that Swift concurrency
/// shares, of which there are as many as cores, two of these would keep everything else from running.
package struct TestThreads: SuiteTrait, TestTrait, TestScoping {
    package var isRecursive: Bool { true }

    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(Pool.shared) { try await function() }
    }

    private final class Pool: TaskExecutor {
        static let shared = Pool(threads: 4)

        private let jobs = Lock<[UnownedJob]>([])
        private let available: Semaphore

        init(threads: Int) {
            available = Semaphore()
            for _ in 0..<threads {
                _ = ScriptThread { [self] in
                    while true {
                        available.wait()
                        let job = jobs.withLock { $0.removeFirst() }
                        job.runSynchronously(on: asUnownedTaskExecutor())
                    }
                }
            }
        }

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            jobs.withLock { $0.append(job) }
            available.signal()
        }
    }

    private final class Semaphore: @unchecked Sendable {
        private let raw = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
        init() { sem_init(raw, 0, 0) }
        func wait() { while sem_wait(raw) != 0 {} }
        func signal() { sem_post(raw) }
    }
}

extension Trait where Self == TestThreads {
    package static var ownThreads: TestThreads { TestThreads() }
}
