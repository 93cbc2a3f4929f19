extension Reactor {
    /// Has a factory serve the connections that a C program's `evconnlistener` accepts, from now on.
    ///
    /// ```swift
    /// let port = try reactor.adopt(listener: listener, factory: AdminFactory())
    /// ```
    ///
    /// Spindle takes it over: it is enabled if it was not, its callbacks, the one for errors too, are replaced, and a shortage of
    /// descriptors (F6) or a crowd is dealt with as on any port. Its socket is made non-blocking; connections inherit
    /// whatever other options it has. C code uses or frees it no more, until it has it back by
    /// ``ListeningPort/detachListener()``.
    ///
    /// ``ListeningPort/stopListening()`` frees it. The socket is closed by that if C code had made it with
    /// `LEV_OPT_CLOSE_ON_FREE`; otherwise the descriptor remains C's to close, and until then peers can still connect, and wait.
    ///
    /// - Throws: ``CannotAdoptListenerError``; ``CannotListenError`` if its socket does not listen, or is no stream socket;
    ///   ``ReactorNotRunning`` while the reactor stops. The `evconnlistener` is C's then, as it was.
    @discardableResult
    public func adopt(listener: OpaquePointer?, factory: Factory) throws -> ListeningPort {
        guard handle.isCurrent else { throw CannotAdoptListenerError(reason: .wrongThread) }
        let port = ListeningPort(self, unsafe try AdoptedListenerMaker(listener, self), factory)
        try port.startListening()
        return port
    }
}

extension ListeningPort {
    /// Stops listening and gives the `evconnlistener` of ``Reactor/adopt(listener:factory:)`` back to C.
    ///
    /// It is disabled, and calls nothing: libevent cannot tell what its callbacks were, so C sets them
    /// anew (`evconnlistener_set_cb`, `evconnlistener_set_error_cb`) and enables it. Those who come meanwhile wait in the kernel's
    /// queue. Connections that were accepted live on (F3). May be called from inside the factory.
    ///
    /// - Throws: ``CannotDetachListenerError`` for any other port, and for one that does not listen any more.
    public func detachListener() throws -> OpaquePointer {
        reactor.requireThread()
        guard let raw = unsafe listener?.handBack() else { throw CannotDetachListenerError() }
        forgetListener()
        return unsafe raw
    }
}
