/// A connection for asynchronous code: read with `for try await`, written to with `try await`, and never off the
/// reactor's thread.
///
/// ```swift
/// reactor.spawn {
///     let connection = try await HostnameEndpoint(reactor, "example.com", 80).connect()
///     try await connection.write("GET / HTTP/1.0\r\n\r\n")
///     for try await chunk in connection.bytes { print(String(decoding: chunk, as: UTF8.self)) }
/// }
/// ```
///
/// Servers get them from a ``ConnectionListener``. Behind each is a ``Protocol`` like any other, so the same rules hold.
///
/// A connection closes, once what was written has been sent, when the last reference to it goes: leaving the function
/// that serves it is enough. ``transport`` has the rest: addresses, options, ``Transport/loseWriteConnection()`` for a
/// half close, ``Transport/loseConnection()`` and ``Transport/abortConnection()``.
///
/// Not Sendable: it stays with the tasks of its reactor. One may read while another writes.
public final class Connection {
    package let stream: ConnectionProtocol

    package init(_ stream: ConnectionProtocol = ConnectionProtocol()) { self.stream = stream }

    deinit {
        if !stream.isReplaced, stream.transport.isConnected { stream.transport.loseConnection() }
    }

    /// The transport. Leave pausing and resuming it to this class.
    public var transport: Transport { stream.transport }

    // MARK: - Reading

    /// What the peer sends, in the pieces in which it arrives.
    ///
    /// The sequence ends where the peer finishes sending, or when the connection is closed on this side; it throws the
    /// reason when the connection is lost, after what was received before (S3). Writing goes on after the peer has finished.
    ///
    /// While nobody reads, no more is received than about one receive buffer
    /// (``Reactor/Options/receiveBufferSize``); then the peer has to wait. What is not read in one loop is there for
    /// the next. A task that is cancelled gets ``CancelledError``, and a second task that reads at the same time
    /// ``AlreadyReadingError``. A reader that was cancelled is one until its task has gone on: wait for that before reading again.
    public var bytes: Bytes { Bytes(connection: self) }

    /// Lends `body` what has arrived, or arrives next, without copying it out: ``bytes`` without the allocation.
    ///
    /// ```swift
    /// while try await connection.read({ data in count += data.byteCount }) != nil {}
    /// ```
    ///
    /// - Returns: what `body` returns; nil at the end, without calling it.
    /// - Throws: as ``bytes`` does; or what `body` throws, and then the bytes have not been read.
    public func read<Result>(
        isolation: isolated (any Actor)? = #isolation, _ body: (RawSpan) throws -> Result
    ) async throws -> Result? {
        try await stream.read(isolation: isolation) { data, _ in (data.byteCount, try body(data)) }
    }

    /// Lends `body` all that was received and not read, again each time more has come, until it returns something.
    ///
    /// - Parameter body: returns how many of the bytes it has used and, once there are enough of them, a result. It is
    ///   told whether they are the last.
    package func read<Result>(
        isolation: isolated (any Actor)?, parsing body: (RawSpan, _ isLast: Bool) throws -> (used: Int, Result?)
    ) async throws -> Result? {
        try await stream.read(isolation: isolation, body)
    }

    // MARK: - Writing

    /// Sends bytes, after all that was written before.
    ///
    /// Returns at once unless the peer is slow: with more than the high mark of ``Transport/waterMarks`` waiting it
    /// returns when that has shrunk to the low mark (P3). It also lets a pass of the loop go by when that much was written in one. What
    /// is written in one pass leaves together (W2). After ``Transport/loseWriteConnection()`` it does nothing.
    ///
    /// - Throws: the reason for the connection's end, when it is lost or over; ``ConnectionDone`` when it is closing;
    ///   ``CancelledError`` when the task is cancelled while it waits, and then the bytes are still sent.
    public func write(_ data: RawSpan, isolation: isolated (any Actor)? = #isolation) async throws {
        if try stream.write(data) { try await transport.drained(isolation: isolation) }
    }

    /// Sends bytes; see ``write(_:isolation:)-(RawSpan,_)``.
    public func write(_ bytes: [UInt8], isolation: isolated (any Actor)? = #isolation) async throws {
        if try bytes.withRawSpan({ try stream.write($0) }) { try await transport.drained(isolation: isolation) }
    }

    /// Sends text as UTF-8; see ``write(_:isolation:)-(RawSpan,_)``.
    public func write(_ text: String, isolation: isolated (any Actor)? = #isolation) async throws {
        if try text.withRawSpan({ try stream.write($0) }) { try await transport.drained(isolation: isolation) }
    }

    /// Waits as ``write(_:isolation:)-(RawSpan,_)`` does, after writing to the ``transport`` where nothing can be waited for:
    ///
    /// ```swift
    /// while try await connection.read({ data in connection.transport.write(data) }) != nil {
    ///     try await connection.drained()
    /// }
    /// ```
    ///
    /// Returns at once unless more than the high mark of ``Transport/waterMarks`` waits to be sent.
    public func drained(isolation: isolated (any Actor)? = #isolation) async throws {
        if transport.isBackedUp { try await transport.drained(isolation: isolation) }
    }

    // MARK: - Closing

    /// Closes the connection and returns when that is done: all that was written has been sent (W3).
    ///
    /// Nobody has to call this: dropping the connection closes it, too, without waiting.
    ///
    /// - Throws: the reason, if the connection ends otherwise, or has ended before.
    public func close(isolation: isolated (any Actor)? = #isolation) async throws {
        let ended = whenEnded()
        if !stream.isReplaced { transport.loseConnection() }
        try await ended.value(isolation: isolation)
    }

    /// Fires when the connection is over; fails if that was not in good order.
    package func whenEnded() -> Deferred<Void> { stream.whenEnded() }
}

@available(*, unavailable)
extension Connection: Sendable {}
