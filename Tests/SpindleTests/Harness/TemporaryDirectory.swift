import Glibc

/// A fresh directory, for the sockets of a test. `remove()` removes it with all that is in it.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        // The path of a socket has to be short: this is no place for a runner's own long names.
        var template = Array("/tmp/spindle-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Peer.Failure(call: "mkdtemp", errno: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// What is in it, in alphabetical order.
    var contents: [String] { Self.names(in: path) }

    /// What is in a directory, in alphabetical order.
    static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    func remove() {
        for name in contents { unlink(file(name)) }
        rmdir(path)
    }

    /// Runs `body` with a fresh directory, and removes it afterwards.
    static func with<Result>(_ body: (TemporaryDirectory) throws -> Result) throws -> Result {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        return try body(directory)
    }
}
