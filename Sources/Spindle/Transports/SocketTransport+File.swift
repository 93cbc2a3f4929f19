import Glibc

// Pieces of files go through the bufferevent, in their place among what was written.
extension SocketTransport {
    func appendToBacklog(_ file: File, from offset: Int, _ count: Int) -> Bool {
        // Standard output may be a file, which epoll does not watch: no bufferevent would ever send there.
        // Nor can what is not a socket's own send it as it is.
        guard socket.stream == nil, !isLayered else { return false }
        // What was gathered before it goes before it; what waits behind a descriptor is kept in memory.
        sendGathered()
        guard mail?.isEmpty ?? true else { return false }
        guard writeError == nil, let buffer = try? requiredConduit(), buffer.write(file, from: offset, count) else {
            return false
        }
        reactor.bytesWritten += count
        isBacklogged = true
        backlogGrew()
        return true
    }

    /// sendfile(2) has sent nothing: because the file has become shorter, or by a whim of the kernel.
    func fileIsStuck() {
        guard let conduit else { return }
        guard conduit.hasFile else { return writingFailed(SystemError(EIO, "sendfile")) }
        let isShorter = conduit.isFileTooShort
        conduit.resumeWriting(dropsFile: isShorter)
        guard isShorter else { return }
        isBacklogged = backlogLength > 0
        // Whose piece it was may have been cancelled, and another sender wait for its turn: nobody is left to say
        // what is missing.
        if let sender = producer?.producer as? FileSender, sender.hasShrunk {
            sender.fileShrank()
        } else {
            writingFailed(SystemError(EIO, "sendfile"))
        }
    }
}
