extension Reactor {
    /// Takes over a live `bufferevent` of a C program, of any kind: of a socket, of OpenSSL, a filter, one of a pair.
    ///
    /// ```swift
    /// // In a callback of C's evconnlistener:
    /// let bufferEvent = bufferevent_socket_new(base, descriptor, Int32(BEV_OPT_CLOSE_ON_FREE.rawValue))
    /// try reactor.adopt(bufferEvent: bufferEvent, protocol: EchoProtocol())
    /// ```
    ///
    /// The protocol is told in the next pass, or when C's attempt to connect, or OpenSSL's handshake, succeeds; see
    /// ``Transport/whenConnected()``. What is in the input then comes first, and what is in the output leaves first (I2).
    /// C code may go on writing to the bufferevent, as with ``Transport/bufferEvent``, and takes it back by
    /// ``Transport/detachBufferEvent(handingBack:)``; its callbacks, watermarks and enabled flags are set aside until then. Its timeouts
    /// and rate limits stay: a timeout ends the connection, with `ETIMEDOUT`.
    ///
    /// From here on the bufferevent is the transport's, and freed at the connection's end. One of a socket's own goes together with its
    /// descriptor, whatever options it was made with, and keeps every rule of <doc:Contract>. Others are freed as C made
    /// them, so that `BEV_OPT_CLOSE_ON_FREE` decides what goes with them, once everything below has sent what it had. They know no half
    /// close (but for a pair), a paused one hears of its peer's leaving when it is resumed, and neither files by
    /// sendfile(2) nor descriptors pass. OpenSSL's sends no close_notify, and where its errors end a connection, the reason is
    /// ``ConnectionLost`` with `EPROTO`. The other one of a pair is told of the end.
    ///
    /// - Throws: ``CannotAdoptBufferEventError``; the bufferevent is as it was then.
    @discardableResult
    public func adopt(bufferEvent: OpaquePointer?, protocol newProtocol: Protocol) throws -> Transport {
        guard handle.isCurrent else { throw CannotAdoptBufferEventError(.wrongThread) }
        do { try requireOpen() } catch { throw CannotAdoptBufferEventError(.reactorStopped) }
        let found = try unsafe ForeignBufferEvent(bufferEvent, on: base)
        let transport =
            found.isSocket ? SocketTransport(self, adopting: found) : LayeredTransport(self, adopting: found)
        transport.beginAdopted(newProtocol, isConnecting: found.isConnecting)
        return transport
    }
}
