import CLibEventHTTP
import Glibc
import SpindleEvHTTP
import Testing

@testable import Spindle

/// Swift handlers on a C program's evhttp. The clients are plain sockets, and Python's.
@Suite(.ownThreads) struct EvHTTPMountTests {
    /// Sends a request and returns all that comes until the other side closes.
    private static func exchange(
        _ server: CHTTPServer, _ head: String, _ reactor: Reactor, isolation: isolated (any Actor)? = #isolation
    ) async throws -> String {
        let peer = try server.connect()
        try peer.send(head)
        var text = ""
        while true {
            switch peer.sight {
            case .nothing: try await reactor.sleep(.milliseconds(1)).value()
            case .text(let some): text += String(decoding: try peer.receive(some.utf8.count), as: UTF8.self)
            case .end: return text
            case .failure(let code): throw Peer.Failure(call: "recv", errno: code)
            }
        }
    }

    private static func get(_ path: String, _ method: String = "GET", more: String = "", body: String = "") -> String {
        let length = body.isEmpty ? "" : "Content-Length: \(body.utf8.count)\r\n"
        return "\(method) \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(more)\(length)\r\n\(body)"
    }

    /// Runs `script` beside an evhttp on a reactor's base; C frees it when all is over.
    private static func run(
        _ options: Reactor.Options = .forTests,
        _ script: nonisolated(nonsending) @escaping (Reactor, CHTTPServer) async throws -> Void
    ) throws {
        let reactor = try Reactor(options: options)
        let server = try CHTTPServer(reactor.eventBase)
        try reactor.run { [unowned reactor] in try await script(reactor, server) }
        server.free()
    }

    @Test("a request comes complete, and its answer arrives, at once or later, beside the paths of C")
    func requests() throws {
        try Self.run { reactor, server in
            var seen: [EvHTTPRequest] = []
            let now = try reactor.mount(on: server.raw, path: "/now") { request in
                seen.append(request)
                var response = EvHTTPResponse("made \(String(decoding: request.body, as: UTF8.self))", status: 201)
                response.headers.append("X-One", "1")
                response.headers.append("X-One", "2")
                return response
            }
            let later = try reactor.mount(on: server.raw, path: "/later") { [unowned reactor] request in
                reactor.spawn {
                    try await reactor.sleep(.milliseconds(2)).value()
                    return EvHTTPResponse("later")
                }
            }
            let post = Self.get("/now?a=%20b", "POST", more: "X-Two: a\r\nx-two: b\r\n", body: "it")
            let answer = try await Self.exchange(server, post, reactor)
            #expect(answer.hasPrefix("HTTP/1.1 201 Created\r\n"))
            #expect(answer.contains("\r\nX-One: 1\r\nX-One: 2\r\n"))
            #expect(answer.contains("\r\nContent-Length: 7\r\n"))
            #expect(answer.hasSuffix("\r\n\r\nmade it"))
            let request = try #require(seen.first)
            #expect(request.method == "POST" && request.uri == "/now?a=%20b")
            #expect(String(decoding: request.body, as: UTF8.self) == "it")
            #expect(request.headers["X-TWO"] == "a" && request.headers.all("x-two") == ["a", "b"])
            #expect(request.peer.host == "127.0.0.1" && request.peer.port != nil)
            #expect(try await Self.exchange(server, Self.get("/later"), reactor).hasSuffix("\r\n\r\nlater"))
            #expect(try await Self.exchange(server, Self.get("/c"), reactor).hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(try await Self.exchange(server, Self.get("/x"), reactor).hasPrefix("HTTP/1.1 404 "))
            now.unmount()
            later.unmount()
            #expect(!now.isMounted)
            #expect(try await Self.exchange(server, Self.get("/now"), reactor).hasPrefix("HTTP/1.1 404 "))
        }
    }

    @Test("a connection that is kept serves one request after the other, HEAD with no body and 204 without one")
    func keptConnection() throws {
        try Self.run { reactor, server in
            let mount = try reactor.mount(on: server.raw, path: "/") { request in
                request.uri == "/?204" ? EvHTTPResponse(204) : EvHTTPResponse("body")
            }
            let peer = try server.connect()
            for _ in 0..<3 {
                try peer.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
                let sawHead = { () -> Bool in
                    if case .text(let text) = peer.sight {
                        text.contains("Content-Length: 4\r\n") && text.hasSuffix("\r\n\r\n")
                    } else {
                        false
                    }
                }
                try await reactor.until(sawHead)
                _ = try peer.receiveSome()
                try peer.send("GET /?204 HTTP/1.1\r\nHost: x\r\n\r\n")
                try await reactor.until { peer.sight != .nothing }
                let text = String(decoding: try peer.receiveSome(), as: UTF8.self)
                #expect(text.hasPrefix("HTTP/1.1 204 No Content\r\n") && text.hasSuffix("\r\n\r\n"))
            }
            mount.unmount()
        }
    }

    @Test("R6: a handler that throws, at once or later, gives status 500 and is logged")
    func throwing() throws {
        struct Mishap: Error {}
        let log = CapturedLog()
        var options = Reactor.Options.forTests
        options.logger = log.logger
        try Self.run(options) { reactor, server in
            let mounts = [
                try reactor.mount(on: server.raw, path: "/now") { _ -> EvHTTPResponse in throw Mishap() },
                try reactor.mount(on: server.raw, path: "/later") { [unowned reactor] _ in
                    reactor.sleep(.zero).addCallback { () -> EvHTTPResponse in throw Mishap() }
                },
            ]
            for path in ["/now", "/later"] {
                let answer = try await Self.exchange(server, Self.get(path), reactor)
                #expect(answer.hasPrefix("HTTP/1.1 500 Internal Server Error\r\n"))
            }
            for mount in mounts { mount.unmount() }
        }
        #expect(log.lines == ["/now", "/later"].map { "error: the handler of \($0) failed: Mishap()" })
    }

    private static let bad: [EvHTTPResponse] = {
        var reason = EvHTTPResponse(200)
        reason.reason = "OK\r\nX: y"
        return [
            EvHTTPResponse(200, headers: ["X": "a\r\nSet-Cookie: b"]), EvHTTPResponse(200, headers: ["X": "a\nb"]),
            EvHTTPResponse(200, headers: ["X": "a\0b"]), EvHTTPResponse(200, headers: ["X\r\nY": "a"]),
            EvHTTPResponse(200, headers: ["": "a"]), EvHTTPResponse(200, headers: ["X Y": "a"]),
            EvHTTPResponse(200, headers: ["content-length": "0"]),
            EvHTTPResponse(200, headers: ["Transfer-Encoding": "chunked"]), EvHTTPResponse(100), EvHTTPResponse(600),
            reason,
        ]
    }()

    @Test("a response that would say something else than it means to is refused: status 500, and the log says why")
    func injection() throws {
        let log = CapturedLog()
        var options = Reactor.Options.forTests
        options.logger = log.logger
        try Self.run(options) { reactor, server in
            var next = Self.bad.makeIterator()
            let mount = try reactor.mount(on: server.raw, path: "/") { _ in next.next() ?? EvHTTPResponse() }
            for _ in Self.bad {
                let answer = try await Self.exchange(server, Self.get("/"), reactor)
                #expect(answer.hasPrefix("HTTP/1.1 500 Internal Server Error\r\n"))
                #expect(!answer.contains("Cookie") && answer.hasSuffix("\r\n\r\nInternal Server Error\n"))
            }
            mount.unmount()
        }
        #expect(log.lines.count == Self.bad.count)
        #expect(log.lines.allSatisfy { $0.hasPrefix("error: the handler of / failed: the response cannot be sent: ") })
    }

    @Test("a handler that never answers is given up: status 503, and its Deferred is cancelled")
    func limit() throws {
        try Self.run { reactor, server in
            let answer = Deferred<EvHTTPResponse>()
            let mount = try reactor.mount(on: server.raw, path: "/", limit: .milliseconds(5)) { _ in answer }
            let text = try await Self.exchange(server, Self.get("/"), reactor)
            #expect(text.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
            #expect(answer.hasFired)
            mount.unmount()
        }
    }

    @Test("the answer to a client that has left goes nowhere, and the server goes on", arguments: [true, false])
    func clientLeft(isReset: Bool) throws {
        try Self.run { reactor, server in
            var answers: [Deferred<EvHTTPResponse>] = []
            let mount = try reactor.mount(on: server.raw, path: "/", limit: nil) { _ in
                answers.append(Deferred<EvHTTPResponse>())
                return answers[answers.count - 1]
            }
            let peer = try server.connect()
            try peer.send(Self.get("/"))
            try await reactor.until { answers.count == 1 }
            isReset ? peer.reset() : peer.close()
            try answers[0].callback(EvHTTPResponse(200, body: [UInt8](repeating: 1, count: 1 << 20)))
            // libevent has to come round to find out.
            try await reactor.sleep(.milliseconds(5)).value()
            let text = reactor.spawn { [unowned reactor] in try await Self.exchange(server, Self.get("/"), reactor) }
            try await reactor.until { answers.count == 2 }
            try answers[1].callback(EvHTTPResponse("still here"))
            #expect(try await text.value().hasSuffix("still here"))
            mount.unmount()
        }
    }

    @Test("an evhttp that is freed while an answer is awaited: the answer goes nowhere", arguments: [true, false])
    func freed(isAnsweredInCallback: Bool) throws {
        let reactor = try Reactor(options: .forTests)
        let server = try CHTTPServer(reactor.eventBase)
        let answer = Deferred<EvHTTPResponse>()
        var requests = 0
        try reactor.run { [unowned reactor] in
            let mount = try reactor.mount(on: server.raw, path: "/", limit: nil) { _ in
                requests += 1
                return answer
            }
            let peer = try server.connect()
            try peer.send(Self.get("/"))
            try await reactor.until { requests == 1 }
            mount.unmount()
            server.free()
            #expect(!answer.hasFired)
            if isAnsweredInCallback { try await reactor.sleep(.zero).value() }
            try answer.callback(EvHTTPResponse("too late"))
            try await reactor.until { peer.sight == .end }
        }
    }

    @Test("one that is unmounted between a request and its turn answers it all the same")
    func unmountedMeanwhile() throws {
        try Self.run { reactor, server in
            let answer = Deferred<EvHTTPResponse>()
            var requests = 0
            let mount = try reactor.mount(on: server.raw, path: "/", limit: nil) { _ in
                requests += 1
                return answer
            }
            let peer = try server.connect()
            try peer.send(Self.get("/"))
            try await reactor.until { requests == 1 }
            mount.unmount()
            try answer.callback(EvHTTPResponse("promised"))
            try await reactor.until {
                if case .text(let text) = peer.sight { text.hasSuffix("promised") } else { false }
            }
        }
    }

    @Test("errors say what is wrong")
    func errors() throws {
        let reactor = try Reactor(options: .forTests)
        let other = try Reactor(options: .forTests)
        let server = try CHTTPServer(reactor.eventBase)
        func reason(_ http: OpaquePointer?, _ path: String, on reactor: Reactor) -> CannotMountError.Reason? {
            #expect(throws: CannotMountError.self) {
                _ = try reactor.mount(on: http, path: path) { _ in EvHTTPResponse() }
            }?.reason
        }
        #expect(reason(nil, "/", on: reactor) == .null)
        #expect(reason(server.raw, "/", on: other) == .otherBase)
        #expect(reason(server.raw, "/c", on: reactor) == .taken)
        #expect(reason(server.raw, "", on: reactor) == .notAPath)
        #expect(reason(server.raw, "x", on: reactor) == .notAPath)
        #expect(reason(server.raw, "/\0", on: reactor) == .notAPath)
        let mount = try reactor.mount(on: server.raw, path: "/s") { _ in EvHTTPResponse() }
        #expect(reason(server.raw, "/s", on: reactor) == .taken)
        mount.unmount()
        mount.unmount()
        try reactor.mount(on: server.raw, path: "/s") { _ in EvHTTPResponse() }.unmount()
        let error = #expect(throws: CannotMountError.self) {
            try reactor.mount(on: server.raw, path: "/c") { _ in EvHTTPResponse() }
        }
        #expect(error?.description == "cannot mount a handler on /c: there is something on this path already")
        server.free()
    }

    @Test("an evhttp without a socket may be on another base: its first request tells")
    func otherBase() throws {
        let log = CapturedLog()
        let reactor = try Reactor(options: log.options)
        let base = try #require(event_base_new())
        let http = try #require(evhttp_new(base))
        let mount = try reactor.mount(on: http, path: "/") { _ in EvHTTPResponse("never") }
        let socket = try #require(evhttp_bind_socket_with_handle(http, "127.0.0.1", 0))
        let port = Int(Peer.localPort(of: evhttp_bound_socket_get_fd(socket)))
        let peer = try Peer.connect(to: SocketAddress("127.0.0.1", port: port))
        try peer.send(Self.get("/"))
        for _ in 0..<1000 where peer.sight == .nothing { event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK) }
        #expect(String(decoding: try peer.receiveSome(), as: UTF8.self).hasPrefix("HTTP/1.1 500 "))
        #expect(log.lines.count == 1 && log.lines[0].contains("on another event_base"))
        mount.unmount()
        evhttp_free(http)
        event_base_free(base)
    }

    @Test("I1: on an adopted base, which is left in order: what is under way is told so")
    func adopted() throws {
        let base = try #require(event_base_new())
        let server = try CHTTPServer(base)
        let reactor = try Reactor(adopting: base, options: .forTests)
        weak var mounted: EvHTTPMount?
        var requests = 0
        mounted = try reactor.mount(on: server.raw, path: "/", limit: nil) { _ in
            requests += 1
            return requests == 1 ? Deferred(.success(EvHTTPResponse("yes"))) : Deferred<EvHTTPResponse>()
        }
        let peers = try (0..<2).map { _ in try server.connect() }
        for (number, peer) in peers.enumerated() {
            try peer.send(Self.get("/"))
            for _ in 0..<10_000 where requests <= number { event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK) }
        }
        #expect(requests == 2)
        #expect(mounted?.isMounted == true)
        reactor.invalidate()
        for _ in 0..<1000 { event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK) }
        #expect(String(decoding: try peers[0].receiveToEnd(), as: UTF8.self).hasSuffix("yes"))
        #expect(String(decoding: try peers[1].receiveToEnd(), as: UTF8.self).hasPrefix("HTTP/1.1 503 "))
        #expect(mounted == nil)
        server.free()
        event_base_free(base)
    }

    @Test("Python's HTTP client is content with it, over a connection that is kept")
    func python() throws {
        try Self.run { reactor, server in
            let mount = try reactor.mount(on: server.raw, path: "/echo") { request in
                EvHTTPResponse(200, headers: ["X-Method": request.method], body: request.body)
            }
            let script = """
                import http.client, sys
                c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10)
                for size in (0, 1, 4096, 300000):
                    for method in ("GET", "POST", "HEAD", "PUT"):
                        sent = b"x" * (size if method in ("POST", "PUT") else 0)
                        c.request(method, "/echo", sent)
                        r = c.getresponse()
                        body = r.read()
                        assert r.status == 200 and r.getheader("X-Method") == method
                        assert int(r.getheader("Content-Length")) == len(sent)
                        assert body == sent
                print("content", flush=True)
                """
            let port = "\(server.port)"
            let line = try await reactor.deferToThread { try PythonPeer(script, port).readLine() }.value()
            #expect(line == "content")
            mount.unmount()
        }
    }
}
