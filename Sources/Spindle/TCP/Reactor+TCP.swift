extension Reactor {
    /// Listens on a TCP port and serves each connection with a protocol that `factory` builds.
    ///
    /// ```swift
    /// let port = try reactor.listenTCP(0, Factory { EchoProtocol() }, interface: "127.0.0.1")
    /// print("listening on \(port.address)")
    /// ```
    ///
    /// May be called before `run()`; connections are accepted while the reactor runs.
    ///
    /// - Parameters:
    ///   - port: 0 has the kernel choose one; ``ListeningPort/address`` tells which.
    ///   - backlog: how many connections the kernel may hold ready while the reactor is busy.
    ///   - interface: a numeric address; empty for all IPv4 interfaces, `::` for IPv6 ones.
    /// - Throws: ``CannotListenError`` naming interface, port and reason (F2).
    @discardableResult
    public func listenTCP(
        _ port: Int, _ factory: Factory, backlog: Int = 50, interface: String = ""
    ) throws -> ListeningPort {
        requireThread()
        let address: SocketAddress
        do throws(InvalidAddressError) {
            address = try SocketAddress(interface.isEmpty ? "0.0.0.0" : interface, port: port)
        } catch {
            throw CannotListenError(error, interface: interface)
        }
        let listening = ListeningPort(self, address, interface: interface, backlog: backlog, factory)
        try listening.startListening()
        return listening
    }
}
