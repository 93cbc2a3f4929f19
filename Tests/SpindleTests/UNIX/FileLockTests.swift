import Glibc
import Testing

@testable import Spindle

/// The lock behind rule X1 of the contract.
@Suite(.ownThreads) struct FileLockTests {
    @Test("X1: a lock whose file is removed on release is never held twice")
    func exclusive() throws {
        try TemporaryDirectory.with { directory in
            let path = FilePath(text: directory.file("lock"))
            let holders = Lock((now: 0, most: 0, inAll: 0))
            let threads = (0..<4).map { _ in
                ScriptThread {
                    while holders.withLock({ $0.inAll < 2000 }) {
                        guard let lock = try? FileLock(path) else { continue }
                        holders.withLock { holders in
                            holders.now += 1
                            holders.inAll += 1
                            holders.most = max(holders.most, holders.now)
                        }
                        sched_yield()
                        holders.withLock { $0.now -= 1 }
                        lock.release()
                    }
                }
            }
            for thread in threads { thread.join() }
            let (now, most, _) = holders.withLock { $0 }
            #expect(now == 0)
            #expect(most == 1)
            #expect(directory.contents.isEmpty)
        }
    }

    @Test("X1: looking whether a lock is held takes it from nobody")
    func looking() throws {
        try TemporaryDirectory.with { directory in
            let path = FilePath(text: directory.file("lock"))
            #expect(try !FileLock.isHeld(path))
            #expect(directory.contents.isEmpty)
            let isOver = Lock(false)
            let watcher = ScriptThread {
                while !isOver.withLock({ $0 }) { _ = try? FileLock.isHeld(path) }
            }
            for _ in 0..<200 {
                let lock = try FileLock(path)
                #expect(try FileLock.isHeld(path))
                lock.release()
            }
            isOver.withLock { $0 = true }
            watcher.join()
            // One that was left behind by somebody who held it.
            close(open(path.text, O_CREAT | O_WRONLY, 0o600))
            #expect(try !FileLock.isHeld(path))
        }
    }
}
