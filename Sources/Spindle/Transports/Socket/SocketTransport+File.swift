import Glibc

// Pieces of files go through the conduit, in their place among what was written.
extension SocketTransport {
    func appendToBacklog(_ file: File, from offset: Int, _ count: Int) -> Bool {
        // Standard output may be a file, which epoll does not watch: no bufferevent would ever send there.
        guard socket.standardStream == nil else { return false }
        // What was gathered before it goes before it; what waits behind a descriptor is kept in memory.
        sendGathered()
        guard mail?.isEmpty ?? true else { return false }
        guard writeError == nil, let conduit = try? requiredConduit(), conduit.write(file, from: offset, count) else {
            return false
        }
        reactor.bytesWritten += count
        isBacklogged = true
        backlogGrew()
        return true
    }
}
