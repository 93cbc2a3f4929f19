extension Transport {
    /// The `struct bufferevent *` that the connection goes by, for C code that writes to the same peer.
    ///
    /// ```swift
    /// bufferevent_write(transport.bufferEvent, greeting, greetingLength)
    /// ```
    ///
    /// A socket's transport makes it when it is first asked for. From then on libevent does all sending and receiving for
    /// the connection, which costs some speed: what C writes has its place among what Swift wrote before and writes after,
    /// and ``loseConnection()`` waits for all of it. C code may write to it, read its figures and set its
    /// timeouts, on the reactor's thread. It does not set its callbacks or watermarks, disable it, take from its input,
    /// or free it, and uses it no more once the protocol's `connectionLost` was called or another call of this returns nil.
    ///
    /// Nil when there is no connection, it is past sending, memory is short, or the transport is not on a socket.
    public final var bufferEvent: OpaquePointer? {
        reactor.requireThread()
        return unsafe (try? goBuffered())?.raw
    }
}
