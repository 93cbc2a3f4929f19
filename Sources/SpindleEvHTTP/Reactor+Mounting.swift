public import Spindle

extension Reactor {
    /// Has requests to one path of a C program's `evhttp` answered in Swift.
    ///
    /// ```swift
    /// let mount = try reactor.mount(on: http, path: "/status") { request in
    ///     EvHTTPResponse("\(request.method) \(request.uri): all is well\n")
    /// }
    /// ```
    ///
    /// The `evhttp` stays C's, with its sockets, limits, timeouts and other paths; this adds what `evhttp_set_cb` adds. It has to be
    /// on the reactor's `event_base`: an adopted one, or one that C code had from ``Spindle/Reactor/eventBase``. The handler is
    /// called in the pass after the request has come in, complete. What it throws is logged, and the client
    /// gets status 500; so it does for a response that cannot be sent (``InvalidEvHTTPResponse``).
    ///
    /// A client that leaves before its answer is noticed when that is sent: evhttp does not look before. Then the answer goes
    /// nowhere, as it does when C code frees the connection or the `evhttp` meanwhile. While an answer is awaited the close
    /// callback of that connection (`evhttp_connection_set_closecb`) is Spindle's.
    ///
    /// The mount stays until ``EvHTTPMount/unmount()``, or until the reactor leaves the base, and with it what the handler holds.
    ///
    /// - Parameters:
    ///   - http: a `struct evhttp *`, or one of its virtual hosts.
    ///   - path: as C code would write it: exactly this path, without a query.
    /// - Throws: ``CannotMountError``. That the `evhttp` is on another base can be told now if it has a socket already, or
    ///   otherwise with the first request, which fails then, and is logged.
    @discardableResult
    public func mount(
        on http: OpaquePointer?, path: String, _ handler: @escaping (EvHTTPRequest) throws -> EvHTTPResponse
    ) throws -> EvHTTPMount {
        unsafe try EvHTTPMount(self, http, path, limit: nil) { Deferred(.success(try handler($0))) }
    }

    /// As the other, for answers that take time.
    ///
    /// ```swift
    /// try reactor.mount(on: http, path: "/report") { [unowned reactor] request in
    ///     reactor.spawn { EvHTTPResponse(try await database.report().text) }
    /// }
    /// ```
    ///
    /// - Parameter limit: how long an answer may take. Then the client gets status 503 and the Deferred is cancelled. Nil waits for
    ///   ever.
    @discardableResult
    public func mount(
        on http: OpaquePointer?, path: String, limit: Duration? = .seconds(60),
        _ handler: @escaping (EvHTTPRequest) throws -> Deferred<EvHTTPResponse>
    ) throws -> EvHTTPMount {
        unsafe try EvHTTPMount(self, http, path, limit: limit, handler)
    }
}
