internal import CLibEventHTTP
import Spindle

/// One request, from when evhttp hands it over until it has its answer.
///
/// The request stays evhttp's. While no answer is under way evhttp does not read from the connection, so that it learns of
/// a client's leaving when it sends the answer, and no sooner. But C code may free the connection, or the whole evhttp,
/// at any time; and of that tells a connection's close callback alone.
@safe
final class EvHTTPExchange {
    let request: EvHTTPRequest
    /// Nil once it has its answer, or nobody is left to be given one.
    private var raw: OpaquePointer?
    /// Holds this as long as C has a pointer to it. Called when C has no more.
    var onEnd: () -> Void = {}

    init?(_ raw: OpaquePointer) {
        guard let connection = unsafe evhttp_request_get_connection(raw) else { return nil }
        request = unsafe EvHTTPRequest(raw, on: connection)
        unsafe self.raw = raw
        unsafe evhttp_connection_set_closecb(connection, Self.closed, Unmanaged.passUnretained(self).toOpaque())
    }

    /// Whether somebody waits for the answer.
    var isOpen: Bool { unsafe raw != nil }

    /// Sends the answer, or what says that there is none to be had. Does nothing if there was one, or the connection is gone.
    ///
    /// - Throws: ``InvalidEvHTTPResponse``; nothing was sent then.
    func answer(_ response: EvHTTPResponse) throws(InvalidEvHTTPResponse) {
        guard isOpen else { return }
        try response.check()
        guard let raw = unsafe raw.take(), let connection = unsafe evhttp_request_get_connection(raw) else { return }
        unsafe evhttp_connection_set_closecb(connection, nil, nil)
        let headers = unsafe evhttp_request_get_output_headers(raw)
        for field in response.headers.fields { unsafe evhttp_add_header(headers, field.name, field.value) }
        if request.method == "HEAD" {
            // evhttp would send the body, and the client take it for the next response.
            unsafe evhttp_add_header(headers, "Content-Length", "\(response.body.count)")
        } else if response.status != 204, response.status != 304 {
            let output = unsafe evhttp_request_get_output_buffer(raw)
            unsafe response.body.withUnsafeBytes { unsafe _ = evbuffer_add(output, $0.baseAddress, $0.count) }
        }
        unsafe evhttp_send_reply(raw, CInt(response.status), response.reason, nil)
        onEnd()
    }

    /// C code has closed the connection, with what is on it, or evhttp has given it up.
    private func connectionClosed() {
        guard let raw = unsafe raw.take() else { return }
        // A request that evhttp has taken off its connection is nobody's but ours.
        if unsafe evhttp_request_get_connection(raw) == nil { unsafe evhttp_request_free(raw) }
        onEnd()
    }

    private static let closed: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?) -> Void = { _, context in
        let exchange = unsafe Unmanaged<EvHTTPExchange>.fromOpaque(context.unsafelyUnwrapped).takeUnretainedValue()
        exchange.connectionClosed()
    }
}
