extension ConnectPlan {
    /// Connecting to a UNIX socket. An impossible path, too, fails when the attempt begins.
    init(unix path: String, timeout: Duration?, checksLock: Bool) {
        let result = Result { () throws(InvalidAddressError) in try SocketAddress(unixOrAbstract: path) }
        let address = (try? result.get()) ?? SocketAddress(.unix(Array(path.utf8)))
        self.init(destination: .address(address), families: [.unix], options: [], timeout: timeout) {
            _ = try result.get()
            guard checksLock, !address.isAbstract else { return }
            let lock = SocketFile.lockPath(of: path)
            let isHeld: Bool
            do throws(SystemError) { isHeld = try FileLock.isHeld(lock) } catch {
                throw BadFileError(address: address, reason: "\(lock.text): \(SystemError.text(error.errno))")
            }
            guard isHeld else { throw BadFileError(address: address, reason: "nobody holds \(lock.text)") }
        }
    }
}
