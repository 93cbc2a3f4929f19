public import Spindle

/// A request that evhttp has received, complete with its body.
public struct EvHTTPRequest: Sendable, Hashable {
    /// For example `GET`.
    public let method: String
    /// What is asked for, as it stands in the request line: path and query, with their percent signs.
    public let uri: String
    public let headers: EvHTTPHeaders
    /// Up to the size that C code allows (`evhttp_set_max_body_size`). evhttp takes one with `POST`, `PUT` and `PATCH` only.
    public let body: [UInt8]
    /// Who asks; ``SocketAddress/unspecified`` where evhttp does not know, as on UNIX sockets.
    public let peer: SocketAddress
}
