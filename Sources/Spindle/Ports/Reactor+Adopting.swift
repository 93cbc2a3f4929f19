import Logging

extension Reactor {
    /// Accepts connections on a listening stream socket that somebody else has opened: a parent process,
    /// systemd, or C code (F7).
    ///
    /// The reactor works on a copy: close your own whenever you like. ``ListeningPort/stopListening()``
    /// closes the copy and leaves the socket as it is, for others who have it. It is non-blocking from here on.
    ///
    /// - Throws: ``CannotListenError`` if the descriptor is no stream socket, or does not listen.
    @discardableResult
    public func adoptStreamPort(_ descriptor: CInt, _ factory: Factory) throws -> ListeningPort {
        try ListenPlan.descriptor(descriptor).listen(on: self, factory)
    }

    /// Takes over a connected stream socket that somebody else has opened (F7), with what is unread in it.
    ///
    /// The protocol that `factory` builds is told in the next pass. The reactor works on a copy of the
    /// descriptor: close your own at once, since the peer learns of the end when the last copy is closed. The
    /// socket is non-blocking from here on. The factory counts as in use by nobody (F1).
    ///
    /// - Throws: ``CannotAdoptError`` if the descriptor is no connected stream socket;
    ///   ``ReactorNotRunning`` while the reactor stops.
    public func adoptStreamConnection(_ descriptor: CInt, _ factory: Factory) throws {
        requireThread()
        try requireOpen()
        let connection = try AdoptedConnection(self, descriptor, factory)
        // It waits here for good if the reactor never runs, which it must not keep.
        inNextPass { [logger] in
            connection.begin { result in
                guard case .failure(let error) = result else { return }
                logger.debug("the adopted descriptor \(descriptor) is not served: \(error)")
            }
        }
    }
}
