internal import CLibEventHTTP
import Logging
import Spindle

/// A handler on a path of a C program's `evhttp`: what `mount` returns.
///
/// Discarding it changes nothing. To be used on the reactor's thread only.
@safe
public final class EvHTTPMount {
    public let path: String

    /// Weak: the reactor's base keeps this, as one of its tenants.
    private weak var reactor: Reactor?
    private let limit: Duration?
    private var handler: ((EvHTTPRequest) throws -> Deferred<EvHTTPResponse>)?
    /// Nil once unmounted.
    private var http: OpaquePointer?
    /// C holds unretained pointers to these.
    private var underWay: [ObjectIdentifier: EvHTTPExchange] = [:]

    init(
        _ reactor: Reactor, _ http: OpaquePointer?, _ path: String, limit: Duration?,
        _ handler: @escaping (EvHTTPRequest) throws -> Deferred<EvHTTPResponse>
    ) throws(CannotMountError) {
        self.reactor = reactor
        self.path = path
        self.limit = limit
        self.handler = handler
        guard reactor.handle.isCurrent else { throw CannotMountError(path: path, reason: .wrongThread) }
        guard let http = unsafe http else { throw CannotMountError(path: path, reason: .null) }
        guard path.utf8.first == UInt8(ascii: "/"), !path.utf8.contains(0) else {
            throw CannotMountError(path: path, reason: .notAPath)
        }
        guard unsafe Self.mayBe(http, on: reactor.base.raw) else {
            throw CannotMountError(path: path, reason: .otherBase)
        }
        let result = unsafe evhttp_set_cb(http, path, Self.requested, Unmanaged.passUnretained(self).toOpaque())
        guard result == 0 else { throw CannotMountError(path: path, reason: result == -1 ? .taken : .noMemory) }
        unsafe self.http = http
        reactor.base.tenants.append(self)
    }

    /// Whether requests come here.
    public var isMounted: Bool { unsafe http != nil }

    /// Takes the handler off the path, where `evhttp` answers 404 from now on, or as C code has it.
    ///
    /// Requests that it has begun to answer get their answers. Does nothing if it was done already. It has to come before
    /// `evhttp_free`: libevent tells nobody that an `evhttp` is freed.
    public func unmount() {
        guard unsafe http != nil else { return }
        takeOff()
        leaveIfDone()
    }

    /// The reactor, should it leave the base, has to know of those who still wait for an answer.
    private func leaveIfDone() {
        if unsafe http == nil, underWay.isEmpty { reactor?.base.tenants.removeAll { $0 === self } }
    }

    private func takeOff() {
        guard let http = unsafe http.take() else { return }
        unsafe evhttp_del_cb(http, path)
        // Let go of last: what it holds may come back here.
        withExtendedLifetime(handler.take()) {}
    }

    // MARK: - Requests

    /// evhttp is on the stack, and perhaps a callback of somebody else's: the handler waits.
    private func requested(_ raw: OpaquePointer) {
        guard let reactor, let exchange = unsafe EvHTTPExchange(raw) else { return }
        guard unsafe Self.base(of: raw) == reactor.base.raw else {
            reactor.options.logger.error("\(CannotMountError(path: path, reason: .otherBase))")
            try? exchange.answer(EvHTTPResponse("Internal Server Error\n", status: 500))
            return
        }
        let key = ObjectIdentifier(exchange)
        underWay[key] = exchange
        // The mount is kept as long as there are requests.
        exchange.onEnd = { [self] in
            underWay[key] = nil
            leaveIfDone()
        }
        reactor.inNextPass { [self] in serve(exchange) }
    }

    private func serve(_ exchange: EvHTTPExchange) {
        guard exchange.isOpen, let reactor else { return }
        guard let handler else { return answer(exchange, EvHTTPResponse("Service Unavailable\n", status: 503)) }
        let answered: Deferred<EvHTTPResponse>
        do { answered = try handler(exchange.request) } catch { answered = Deferred(.failure(error)) }
        var timer: DelayedCall?
        if let limit, !answered.hasFired {
            timer = reactor.callLater(limit) { [self] in
                answer(exchange, EvHTTPResponse("Service Unavailable\n", status: 503))
                answered.cancel()
            }
        }
        answered.addBoth { [self] result -> Void in
            try? timer?.cancel()
            switch result {
            case .success(let response): answer(exchange, response)
            case .failure(let error): fail(exchange, error)
            }
        }
    }

    private func answer(_ exchange: EvHTTPExchange, _ response: EvHTTPResponse) {
        do throws(InvalidEvHTTPResponse) { try exchange.answer(response) } catch { fail(exchange, error) }
    }

    private func fail(_ exchange: EvHTTPExchange, _ error: any Error) {
        guard exchange.isOpen else { return }
        reactor?.options.logger.error("the handler of \(path) failed: \(error)")
        try? exchange.answer(EvHTTPResponse("Internal Server Error\n", status: 500))
    }

    // MARK: - C

    /// Whether an evhttp may be on a base, which it does not tell. Its listeners do, if it has any yet.
    private static func mayBe(_ http: OpaquePointer, on base: OpaquePointer?) -> Bool {
        var search = unsafe Search(base: base)
        unsafe evhttp_foreach_bound_socket(
            http,
            { socket, context in
                guard let search = unsafe context?.assumingMemoryBound(to: Search.self),
                    let listener = unsafe evhttp_bound_socket_get_listener(socket)
                else { return }
                if unsafe evconnlistener_get_base(listener) != search.pointee.base {
                    unsafe search.pointee.isOther = true
                }
            }, &search)
        return !search.isOther
    }

    @safe
    private struct Search {
        let base: OpaquePointer?
        var isOther = false
    }

    private static func base(of request: OpaquePointer) -> OpaquePointer? {
        unsafe evhttp_request_get_connection(request).flatMap { unsafe evhttp_connection_get_base($0) }
    }

    private static let requested: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?) -> Void = { raw, context in
        let mount = unsafe Unmanaged<EvHTTPMount>.fromOpaque(context.unsafelyUnwrapped).takeUnretainedValue()
        if let raw = unsafe raw { unsafe mount.requested(raw) }
    }
}

extension EvHTTPMount: EventBaseTenant {
    /// The reactor takes its leave of the base. What is under way is answered with what there is left to say.
    package func leave(_ base: OpaquePointer) {
        takeOff()
        for exchange in underWay.values { answer(exchange, EvHTTPResponse("Service Unavailable\n", status: 503)) }
    }
}

@available(*, unavailable)
extension EvHTTPMount: Sendable {}
