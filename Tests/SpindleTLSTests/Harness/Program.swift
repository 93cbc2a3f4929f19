import Glibc
import Spindle

/// A program that is the other side of a test. Its output and its errors come together; gone when the test is.
final class Program: Sendable {
    let pid: pid_t
    private let channel: CInt
    private let isOver = Lock(false)

    struct Failure: Error, CustomStringConvertible {
        let call: String
        let errno: CInt
        var description: String { "\(call): \(String(cString: strerror(errno)))" }
    }

    init(_ words: String...) throws {
        var pair: [CInt] = [0, 0]
        // Close-on-exec from the start, or another child that is started now would keep them open.
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &pair) == 0 else { throw Failure(call: "socketpair", errno: errno) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in CInt(0)...2 { posix_spawn_file_actions_adddup2(&actions, pair[1], descriptor) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The threads of the test run block signals, and a program begins as it was started.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let raw = words.map { strdup($0) }
        defer { for word in raw { free(word) } }
        var pid: pid_t = 0
        let result = posix_spawnp(&pid, words[0], &actions, &attributes, raw + [nil], environ)
        close(pair[1])
        (self.pid, channel) = (pid, pair[0])
        guard result == 0 else { throw Failure(call: words[0], errno: result) }
    }

    deinit { end() }

    func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = send(channel, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    /// Ends its input.
    func finishWriting() { shutdown(channel, Int32(SHUT_WR)) }

    /// Reads what it prints until that has `text` in it.
    @discardableResult
    func read(until text: String) throws -> String {
        var all = ""
        while !all.contains(text) {
            guard let some = try readSome() else { throw Failure(call: "end before \(text), after \(all)", errno: 0) }
            all += some
        }
        return all
    }

    /// Ends its input, and returns what else it prints, and its exit status.
    func wait() throws -> (output: String, status: CInt) {
        finishWriting()
        var all = ""
        while let some = try readSome() { all += some }
        return (all, end(kills: false))
    }

    private func readSome() throws -> String? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var watched = pollfd(fd: channel, events: Int16(POLLIN), revents: 0)
        guard poll(&watched, 1, 20_000) == 1 else { throw Failure(call: "poll", errno: ETIMEDOUT) }
        let count = Glibc.read(channel, &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : nil
    }

    @discardableResult
    func end(kills: Bool = true) -> CInt {
        let wasOver = isOver.withLock { isOver -> Bool in
            defer { isOver = true }
            return isOver
        }
        guard !wasOver else { return -1 }
        if kills { kill(pid, SIGKILL) }
        var status: CInt = -1
        waitpid(pid, &status, 0)
        close(channel)
        return (status >> 8) & 0xff
    }
}
