import Glibc

/// A real name server on the loopback interface: Twisted's, run by Tests/Peers/dns_server.py.
///
/// One for all tests; it ends with this process, which holds the other end of its standard input.
final class NameServer: Sendable {
    /// Nil where there is no Python with Twisted.
    static let shared = candidates.lazy.compactMap { NameServer(python: $0) }.first

    /// As it is given to a resolver.
    let address: String

    private static let root = String(#filePath.dropLast("/Tests/SpindleTests/Harness/NameServer.swift".count))

    /// The second is what scripts/check-examples makes where the system's has no Twisted.
    private static var candidates: [String] { ["python3", root + "/.build/venv/bin/python"] }

    private init?(python: String) {
        guard let (input, output) = Self.spawn([python, Self.root + "/Tests/Peers/dns_server.py"]) else { return nil }
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(output, &byte, 1) == 1, byte != UInt8(ascii: "\n") { line.append(byte) }
        close(output)
        guard let port = Int(String(decoding: line, as: UTF8.self)) else {
            close(input)
            return nil
        }
        address = "127.0.0.1:\(port)"
    }

    /// Starts a program, and returns the descriptors for its standard input and output.
    private static func spawn(_ arguments: [String]) -> (input: CInt, output: CInt)? {
        var (toChild, fromChild): ([CInt], [CInt]) = ([0, 0], [0, 0])
        guard pipe(&toChild) == 0, pipe(&fromChild) == 0 else { return nil }
        for descriptor in toChild + fromChild { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
        posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
        var strings = arguments.map { strdup($0) } + [nil]
        var child = pid_t()
        let result = posix_spawnp(&child, arguments[0], &actions, nil, &strings, environ)
        for string in strings { free(string) }
        posix_spawn_file_actions_destroy(&actions)
        close(toChild[0])
        close(fromChild[1])
        guard result == 0 else {
            close(toChild[1])
            close(fromChild[0])
            return nil
        }
        return (toChild[1], fromChild[0])
    }
}
