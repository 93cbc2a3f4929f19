/// Makes the socket of a listening port, and disposes of it; one kind for each kind of port.
protocol ListeningSocketMaker: AnyObject {
    /// Returns a socket that listens. Called when the port starts listening, also again after `dispose`.
    func make() throws(CannotListenError) -> Socket

    /// Closes the socket, and removes what belongs to it.
    func dispose(of socket: Socket)
}
