import Glibc

/// How many descriptors may still be opened, looked at where running out of them would end the process.
enum DescriptorLimit {
    /// Whether one more descriptor can be opened now.
    static var hasRoom: Bool { (try? requireRoom(for: 1)) != nil }

    /// Throws unless `count` more descriptors can be opened now.
    static func requireRoom(for count: Int) throws(SystemError) {
        var opened: [CInt] = []
        defer { for descriptor in opened { close(descriptor) } }
        for _ in 0..<count {
            let descriptor = dup(STDERR_FILENO)
            // Without a standard error there is nothing to copy, and no lack of numbers either.
            guard descriptor >= 0 || errno == EBADF else { throw SystemError(errno, "dup") }
            if descriptor >= 0 { opened.append(descriptor) }
        }
    }
}
