import Glibc

/// The two ends of a pipe. Whoever opens one closes both.
final class PipeEnds: Sendable {
    let reading: CInt
    let writing: CInt

    init() throws {
        // By a name, which pipe(2) does without: that leaves a moment in which a program that another test starts gets a
        // copy, and keeps it open.
        (reading, writing) = try TemporaryDirectory.with { directory in
            let path = directory.file("pipe")
            guard mkfifo(path, 0o600) == 0 else { throw Peer.Failure(call: "mkfifo", errno: errno) }
            let reading = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
            let writing = open(path, O_WRONLY | O_CLOEXEC)
            guard reading >= 0, writing >= 0, fcntl(reading, F_SETFL, O_RDONLY) == 0 else {
                throw Peer.Failure(call: "open", errno: errno)
            }
            return (reading, writing)
        }
    }

    func closeReading() { close(reading) }

    func closeWriting() { close(writing) }

    func write(_ text: String) {
        _ = text.utf8CString.withUnsafeBytes { Glibc.write(writing, $0.baseAddress, $0.count - 1) }
    }

    func readToEnd() -> [UInt8] {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(reading, &buffer, buffer.count)
            if count <= 0 { return all }
            all += buffer[..<count]
        }
    }
}
