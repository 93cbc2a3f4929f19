import Glibc
import Spindle

/// A Python program that is the other side of a test, for what takes a process of its own or another's
/// idea of an interface. Spoken to by lines; gone when the test is.
final class PythonPeer: Sendable {
    let pid: pid_t
    /// The other end of its standard input and output.
    private let channel: CInt
    private let hasEnded = Lock(false)

    init(_ script: String, _ arguments: String...) throws {
        var pair: [CInt] = [0, 0]
        // Close-on-exec from the start, or another child that is started now would keep them open.
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &pair) == 0 else { throw Peer.Failure(call: "socketpair", errno: errno) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in CInt(0)...1 { posix_spawn_file_actions_adddup2(&actions, pair[1], descriptor) }
        let words = (["python3", "-c", script] + arguments).map { strdup($0) }
        defer { for word in words { free(word) } }
        var pid: pid_t = 0
        let result = posix_spawnp(&pid, "python3", &actions, nil, words + [nil], environ)
        close(pair[1])
        (self.pid, channel) = (pid, pair[0])
        guard result == 0 else { throw Peer.Failure(call: "posix_spawnp python3", errno: result) }
    }

    deinit { end() }

    /// Reads a line, without its end.
    func readLine() throws -> String {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            var watched = pollfd(fd: channel, events: Int16(POLLIN), revents: 0)
            guard poll(&watched, 1, 10_000 * CInt(Patience.factor)) == 1, read(channel, &byte, 1) == 1 else {
                throw Peer.Failure(call: "read", errno: errno)
            }
            if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
    }

    /// Ends its input, waits for its end, and returns the status as wait(2) has it.
    @discardableResult
    func end() -> CInt {
        let isOver = hasEnded.withLock { hasEnded -> Bool in
            defer { hasEnded = true }
            return hasEnded
        }
        guard !isOver else { return -1 }
        shutdown(channel, Int32(SHUT_WR))
        var status: CInt = -1
        waitpid(pid, &status, 0)
        close(channel)
        return status
    }
}
