/// Makes the socket of a listening port, and disposes of it; one kind for each kind of port.
protocol ListeningSocketMaker: AnyObject {
    /// Whether somebody else may accept on the same socket, and go on when its port has stopped.
    var isShared: Bool { get }

    /// Returns a socket that listens. Called when the port starts listening, also again after `dispose`.
    func make() throws(CannotListenError) -> Socket

    /// Has the loop accept connections on the socket that was made last.
    func listen(_ socket: Socket, on base: EventBase, _ handler: any ListenerHandler) throws(SystemError) -> Listener

    /// Closes the socket, and removes what belongs to it.
    func dispose(of socket: Socket)
}

extension ListeningSocketMaker {
    func listen(_ socket: Socket, on base: EventBase, _ handler: any ListenerHandler) throws(SystemError) -> Listener {
        try Listener(base, socket.descriptor, handler)
    }
}
