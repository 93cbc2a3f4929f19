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
        // What C wrote there would be on the wire as it is, among a filter's bytes.
        guard (self as? StreamTransport)?.filtering == nil, let conduit = try? goBuffered() else { return nil }
        conduit.countOutput()
        return unsafe conduit.raw
    }

    /// Whether C code was given the bufferevent here, and may write to it. One that was C's in the first place does not count.
    package final var isSharedWithC: Bool {
        guard let conduit = (self as? BufferedTransport)?.conduit else { return false }
        return conduit.isShared && !conduit.isAdopted
    }

    /// Gives an adopted `bufferevent` back to C code, with its callbacks, context, watermarks and enabled flags as they were (I2).
    ///
    /// C may use it at once. What was received and not delivered is in its input again, behind `rest`: what the protocol
    /// was given and leaves to others. Called inside `dataReceived`, the bytes of that call count as consumed otherwise; but
    /// what the protocol keeps unused (``Protocol/takeUnusedBytes()``), as a LineReceiver does with the lines behind the one that it is
    /// at, comes to the front of the input when the callback has returned, and C had better not read before. What
    /// was written is in the output, unless it has left. If there is input, C's read callback is called by the loop.
    ///
    /// The protocol hears nothing more of the connection, not even its loss, and the transport is inert. A registered producer is
    /// told to stop.
    ///
    /// - Returns: the bufferevent, which C code frees.
    /// - Throws: ``CannotDetachBufferEventError``; the connection goes on then.
    public final func detachBufferEvent(handingBack rest: RawSpan = RawSpan()) throws -> OpaquePointer {
        reactor.requireThread()
        let (conduit, former) = try giveUpBufferEvent(handingBack: rest)
        guard let raw = unsafe conduit.restore() else { throw CannotDetachBufferEventError(.notAdopted) }
        let returned = unsafe ReturnedBufferEvent(raw)
        // Inside its callback the protocol does not know yet what it will leave.
        let putBack = { returned.putBack(former?.takeUnusedBytes() ?? []) }
        if reactor.base.isInside { reactor.base.postpone(putBack) } else { putBack() }
        return unsafe raw
    }
}
