/// What a handler answers.
public struct EvHTTPResponse: Sendable, Hashable {
    /// From 200 to 599.
    public var status: Int
    /// The words behind the status; nil for the usual ones.
    public var reason: String?
    /// Beside those that evhttp adds: `Date`, `Content-Type` if there is none, `Connection`, and `Content-Length`, which is not for
    /// a handler to choose.
    public var headers: EvHTTPHeaders
    /// Not sent in answer to `HEAD`, or with a status that has none (204 and 304).
    public var body: [UInt8]

    public init(_ status: Int = 200, headers: EvHTTPHeaders = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A response that says something, as plain text unless `headers` say otherwise.
    public init(
        _ text: String, status: Int = 200, headers: EvHTTPHeaders = ["Content-Type": "text/plain; charset=utf-8"]
    ) {
        self.init(status, headers: headers, body: Array(text.utf8))
    }

    /// - Throws: ``InvalidEvHTTPResponse`` for what would not reach the client as it is meant: evhttp sends whatever it is given,
    ///   a line break in a header included, behind which the client would see headers or a response of somebody else's making.
    func check() throws(InvalidEvHTTPResponse) {
        guard (200...599).contains(status) else { throw InvalidEvHTTPResponse("\(status) is no status of a response") }
        if let reason, !Self.isOneLine(reason) { throw InvalidEvHTTPResponse("a line break or the like in its reason") }
        for field in headers.fields {
            guard !field.name.isEmpty, field.name.utf8.allSatisfy(Self.isTokenByte) else {
                throw InvalidEvHTTPResponse("\(field.name.debugDescription) is no name of a header")
            }
            guard Self.isOneLine(field.value) else {
                throw InvalidEvHTTPResponse("a line break or the like in its header \(field.name)")
            }
            if ["content-length", "transfer-encoding"].contains(field.name.lowercased()) {
                throw InvalidEvHTTPResponse("\(field.name) is not for a handler to choose")
            }
        }
    }

    private static func isOneLine(_ text: String) -> Bool {
        text.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7f) || $0 == UInt8(ascii: "\t") }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

/// A handler's response that cannot be sent. The client gets status 500, the log gets this.
public struct InvalidEvHTTPResponse: Error, Hashable, Sendable, CustomStringConvertible {
    public let reason: String

    init(_ reason: String) { self.reason = reason }

    public var description: String { "the response cannot be sent: \(reason)" }
}
