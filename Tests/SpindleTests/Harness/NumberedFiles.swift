import Glibc

/// Files that are told apart by their numbers, for tests that send open ones around.
struct NumberedFiles: Sendable {
    let directory: TemporaryDirectory

    /// A new descriptor of a file.
    func open(_ number: Int) -> CInt {
        Glibc.open(directory.file("file-\(number)"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    }

    /// The number of the file that a descriptor is of; nil if it is of none.
    func number(of descriptor: CInt) -> Int? {
        guard let target = Self.target(of: descriptor), target.hasPrefix(directory.file("file-")) else { return nil }
        return Int(target.dropFirst(directory.file("file-").count))
    }

    /// How many descriptors of these files are open in this process.
    var openCount: Int {
        TemporaryDirectory.names(in: "/proc/self/fd").compactMap { CInt($0) }.count { number(of: $0) != nil }
    }

    private static func target(of descriptor: CInt) -> String? {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = buffer.withUnsafeMutableBytes {
            readlink("/proc/self/fd/\(descriptor)", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// Runs `body` with a fresh directory for files, and removes it afterwards.
    static func with<Result>(_ body: (NumberedFiles) throws -> Result) throws -> Result {
        try TemporaryDirectory.with { try body(NumberedFiles(directory: $0)) }
    }
}
