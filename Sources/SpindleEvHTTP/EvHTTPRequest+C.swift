internal import CLibEventHTTP
import Spindle

extension EvHTTPRequest {
    /// Copies what evhttp knows of a request.
    init(_ raw: OpaquePointer, on connection: OpaquePointer) {
        method = unsafe Self.name(of: evhttp_request_get_command(raw))
        uri = unsafe evhttp_request_get_uri(raw).map { unsafe String(cString: $0) } ?? ""
        headers = unsafe EvHTTPHeaders(evhttp_request_get_input_headers(raw))
        let input = unsafe evhttp_request_get_input_buffer(raw)
        let count = unsafe evbuffer_get_length(input)
        body = unsafe [UInt8](capacity: count) { unsafe max(0, Int(evbuffer_remove(input, $0.baseAddress, count))) }
        var host: UnsafeMutablePointer<CChar>?
        var port: UInt16 = 0
        unsafe evhttp_connection_get_peer(connection, &host, &port)
        let name = unsafe host.map { unsafe String(cString: $0) } ?? ""
        peer = (try? SocketAddress(name, port: Int(port))) ?? .unspecified
    }

    private static func name(of command: evhttp_cmd_type) -> String {
        switch command {
        case EVHTTP_REQ_GET: "GET"
        case EVHTTP_REQ_POST: "POST"
        case EVHTTP_REQ_HEAD: "HEAD"
        case EVHTTP_REQ_PUT: "PUT"
        case EVHTTP_REQ_DELETE: "DELETE"
        case EVHTTP_REQ_OPTIONS: "OPTIONS"
        case EVHTTP_REQ_TRACE: "TRACE"
        case EVHTTP_REQ_CONNECT: "CONNECT"
        case EVHTTP_REQ_PATCH: "PATCH"
        default: ""
        }
    }
}

extension EvHTTPHeaders {
    fileprivate init(_ list: UnsafeMutablePointer<evkeyvalq>?) {
        self.init()
        var next = unsafe list?.pointee.tqh_first
        while let field = unsafe next {
            unsafe append(String(cString: field.pointee.key), String(cString: field.pointee.value))
            unsafe next = field.pointee.next.tqe_next
        }
    }
}
