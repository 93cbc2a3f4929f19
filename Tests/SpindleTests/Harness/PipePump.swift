import Glibc

/// Joins a socket to two pipes, so that a peer's script, which has the socket's other end, has to do with whoever reads the
/// one pipe and writes to the other one.
///
/// Each direction has a thread, and ends by itself: with a pipe there is nothing that would break both.
final class PipePump {
    private let socket: Peer
    private let threads: [ScriptThread]

    /// Takes over the socket and the two descriptors.
    init(_ socket: Peer, from source: CInt, to target: CInt) {
        self.socket = socket
        threads = [
            ScriptThread { Self.pass(source, toSocket: socket.descriptor) },
            ScriptThread { Self.pass(socket.descriptor, toPipe: target) },
        ]
    }

    /// Waits for its end. Before that the socket stays open, for what is unread when one is closed makes an error of the
    /// peer's end.
    func join() {
        shutdown(socket.descriptor, Int32(SHUT_RDWR))
        for thread in threads { thread.join() }
        socket.close()
    }

    private static func pass(_ pipe: CInt, toSocket socket: CInt) {
        defer { close(pipe) }
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            // A peer that has gone takes the pipe's reader with it, whether or not anything is written.
            if wait(for: pipe, POLLIN, andSocket: socket).socket != 0 { return }
            // What is in the pipe has room in an almost empty socket, so that, when the writer has gone, the end is not
            // held up by a peer that reads nothing.
            _ = wait(for: pipe, 0, andSocket: socket, POLLOUT)
            let count = read(pipe, &buffer, buffer.count)
            if count <= 0 {
                shutdown(socket, Int32(SHUT_WR))
                return
            }
            guard all(of: buffer[..<count], { send(socket, $0, $1, Int32(MSG_NOSIGNAL)) }) else { return }
        }
    }

    private static func pass(_ socket: CInt, toPipe pipe: CInt) {
        defer { close(pipe) }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            var isBroken = wait(for: pipe, 0, andSocket: socket, POLLIN).pipe != 0
            if !isBroken {
                let count = recv(socket, &buffer, buffer.count, 0)
                if count <= 0 { return }
                isBroken = !all(of: buffer[..<count]) { write(pipe, $0, $1) }
            }
            guard !isBroken else {
                // Nobody reads any more, and the peer is to know.
                shutdown(socket, Int32(SHUT_RD))
                return
            }
        }
    }

    /// Waits until one of the two is ready, or has nobody at its other end, and returns what both are.
    private static func wait(
        for pipe: CInt, _ pipeEvents: CInt, andSocket socket: CInt, _ socketEvents: CInt = 0
    ) -> (pipe: Int16, socket: Int16) {
        var watched = [
            pollfd(fd: pipe, events: Int16(pipeEvents), revents: 0),
            pollfd(fd: socket, events: Int16(socketEvents), revents: 0),
        ]
        while poll(&watched, 2, -1) < 0, errno == EINTR {}
        return (watched[0].revents, watched[1].revents)
    }

    /// Writes all of it. False when nobody takes it.
    private static func all(of bytes: ArraySlice<UInt8>, _ write: (UnsafeRawPointer, Int) -> Int) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var count = 0
            while count < bytes.count {
                let written = write(bytes.baseAddress! + count, bytes.count - count)
                guard written > 0 else { return false }
                count += written
            }
            return true
        }
    }
}
