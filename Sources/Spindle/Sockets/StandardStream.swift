import Glibc

/// Standard input and output in the place of a socket: what a `Socket` does differently with them.
///
/// Whoever started the program has them open as well, so nothing may be changed for others. Pipes
/// and terminals are opened a second time, for a non-blocking mode of our own; what cannot
/// be is copied, and its mode put back in the end.
struct StandardStream {
    let output: CInt
    /// The program's own descriptor for output: others learn of the end when it, too, is closed.
    private let originalOutput: CInt
    /// epoll does not watch the input: it is a regular file, or /dev/null.
    let isUnwatchable: Bool
    private let changesInput: Bool
    private let changesOutput: Bool

    /// Opens both.
    static func open(input: CInt, output: CInt) throws(SystemError) -> Socket {
        let ours = try reopen(input, O_RDONLY)
        do throws(SystemError) {
            let theirs = try reopen(output, O_WRONLY)
            let stream = StandardStream(
                output: theirs.descriptor, originalOutput: output,
                isUnwatchable: Descriptor.whyUnwatchable(ours.descriptor) == EPERM, changesInput: ours.isShared,
                changesOutput: theirs.isShared)
            return Socket(reading: ours.descriptor, stream)
        } catch {
            close(ours.descriptor)
            throw error
        }
    }

    /// Whether the output is a regular file, where a short write means that there is no room for more.
    var writesToFile: Bool { (try? FileStatus(ofDescriptor: output))?.isRegular ?? false }

    /// Whether both are one and the same socket, as inetd hands it to the servers that it starts.
    static func isOneSocket(_ input: CInt, _ output: CInt) -> Bool {
        guard let first = try? FileStatus(ofDescriptor: input), let second = try? FileStatus(ofDescriptor: output)
        else {
            return false
        }
        return first.isSocket && first.identity == second.identity
    }

    private static func reopen(_ original: CInt, _ mode: CInt) throws(SystemError) -> (descriptor: CInt, isShared: Bool)
    {
        let status = try FileStatus(ofDescriptor: original)
        // A regular file has a position, and no non-blocking mode.
        if !status.isRegular {
            let path = "/proc/self/fd/\(original)"
            let descriptor = unsafe Glibc.open(path, mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
            if descriptor >= 0 { return (descriptor, false) }
        }
        let descriptor = try Descriptor.copy(of: original)
        let flags = fcntl(descriptor, F_GETFL)
        guard !status.isRegular, flags >= 0, flags & O_NONBLOCK == 0 else { return (descriptor, false) }
        return (descriptor, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0)
    }

    /// Lets readers of the output see its end. What the program writes there later goes nowhere.
    func endOutput() {
        putBack(output, changesOutput)
        let nowhere = unsafe Glibc.open("/dev/null", O_WRONLY | O_CLOEXEC)
        guard nowhere >= 0 else { return }
        dup2(nowhere, output)
        _ = fcntl(output, F_SETFD, FD_CLOEXEC)
        dup2(nowhere, originalOutput)
        close(nowhere)
    }

    /// Closes what was opened, but for the input's descriptor.
    func end(input: CInt) {
        putBack(input, changesInput)
        endOutput()
        close(output)
    }

    private func putBack(_ descriptor: CInt, _ isChanged: Bool) {
        guard isChanged else { return }
        let flags = fcntl(descriptor, F_GETFL)
        if flags >= 0 { _ = fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) }
    }

    /// What reading would come to, for what is no socket.
    static func peek(_ descriptor: CInt) -> ReceiveBuffer.Outcome {
        var count: CInt = 0
        if unsafe ioctl(descriptor, UInt(FIONREAD), &count) == 0, count > 0 { return .received(Int(count)) }
        var watched = pollfd(fd: descriptor, events: 0, revents: 0)
        return unsafe poll(&watched, 1, 0) == 1 ? .end : .empty
    }
}
