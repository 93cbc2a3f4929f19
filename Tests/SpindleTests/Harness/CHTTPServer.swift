import CLibEventHTTP
import Spindle
import Testing

/// An `evhttp` as a C program has it, on a base of somebody's, with a path of its own.
final class CHTTPServer {
    private(set) var raw: OpaquePointer?
    let port: Int

    init(_ base: OpaquePointer?) throws {
        let http = try #require(evhttp_new(base))
        raw = http
        let socket = try #require(evhttp_bind_socket_with_handle(http, "127.0.0.1", 0))
        port = Int(Peer.localPort(of: evhttp_bound_socket_get_fd(socket)))
        evhttp_set_cb(http, "/c", { request, _ in evhttp_send_reply(request, 200, nil, nil) }, nil)
    }

    deinit { free() }

    func free() { if let raw = raw.take() { evhttp_free(raw) } }

    func connect() throws -> Peer { try Peer.connect(to: SocketAddress("127.0.0.1", port: port)) }
}
