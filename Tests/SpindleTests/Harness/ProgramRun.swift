import Glibc
import Spindle

/// A run of the TestProgram, which is built beside the tests.
final class ProgramRun {
    let pid: pid_t
    private let output: CInt
    private let errors: CInt
    private var isOver = false

    init(_ arguments: String...) throws {
        let (output, outputEnd) = try Self.pipe()
        let (errors, errorsEnd) = try Self.pipe()
        defer { for end in [outputEnd, errorsEnd] { close(end) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, outputEnd, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, errorsEnd, STDERR_FILENO)
        // The threads of the test run block signals, and a program begins as it was started.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let path = try Self.path()
        let words = ([path] + arguments).map { strdup($0) }
        defer { for word in words { free(word) } }
        var pid: pid_t = 0
        let result = posix_spawn(&pid, path, &actions, &attributes, words + [nil], environ)
        guard result == 0 else { throw Peer.Failure(call: "posix_spawn \(path)", errno: result) }
        (self.pid, self.output, self.errors) = (pid, output, errors)
    }

    deinit {
        if !isOver {
            kill(pid, SIGKILL)
            // Swift Testing asks the kernel for any child that has ended, and makes no headway as long as it gets this one.
            waitpid(pid, nil, 0)
        }
        for descriptor in [output, errors] { close(descriptor) }
    }

    /// Reads a line of its output, without the end.
    func readLine() throws -> String {
        var line: [UInt8] = []
        while let byte = try Self.read(output), byte != UInt8(ascii: "\n") { line.append(byte) }
        return String(decoding: line, as: UTF8.self)
    }

    struct End: Equatable {
        /// As wait(2) has it, taken apart.
        var exitCode: CInt?
        var signal: CInt?
        /// What it printed that was not read yet.
        var output: String
        var errors: String
    }

    /// Reads its output to the end, and waits for it.
    func wait() throws -> End {
        let output = try Self.readAll(self.output)
        let errors = try Self.readAll(self.errors)
        var status: CInt = 0
        waitpid(pid, &status, 0)
        isOver = true
        let signal = status & 0x7f
        return End(
            exitCode: signal == 0 ? (status >> 8) & 0xff : nil, signal: signal == 0 ? nil : signal, output: output,
            errors: errors)
    }

    private static func pipe() throws -> (CInt, CInt) {
        var ends: [CInt] = [0, 0]
        // Close-on-exec from the start, or another child that is started now would keep them open.
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw Peer.Failure(call: "socketpair", errno: errno) }
        return (ends[0], ends[1])
    }

    private static func path() throws -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { throw Peer.Failure(call: "readlink", errno: errno) }
        let own = String(decoding: buffer[..<count], as: UTF8.self)
        return own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/TestProgram"
    }

    private static func readAll(_ descriptor: CInt) throws -> String {
        var bytes: [UInt8] = []
        while let byte = try read(descriptor) { bytes.append(byte) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The next byte, or nil at the end. One that does not come within 10 seconds is an error.
    private static func read(_ descriptor: CInt) throws -> UInt8? {
        var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&watched, 1, 10_000 * CInt(Patience.factor)) == 1 else {
            throw Peer.Failure(call: "poll", errno: ETIMEDOUT)
        }
        var byte: UInt8 = 0
        return Glibc.read(descriptor, &byte, 1) == 1 ? byte : nil
    }
}
