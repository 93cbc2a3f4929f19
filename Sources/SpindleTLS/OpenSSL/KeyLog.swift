import Glibc

/// A file that the keys of sessions are appended to, in the form that Wireshark reads.
final class KeyLog: Sendable {
    private let descriptor: CInt

    init(_ path: String) throws(TLSConfigurationError) {
        descriptor = unsafe open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw TLSConfigurationError(path, .unreadable(errno: errno)) }
    }

    deinit { close(descriptor) }

    /// In one write, so that lines of several threads, or programs, do not mix.
    func append(_ line: UnsafePointer<CChar>) {
        var bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: line, count: strlen(line)))
        bytes.append(UInt8(ascii: "\n"))
        _ = unsafe write(descriptor, bytes, bytes.count)
    }
}
