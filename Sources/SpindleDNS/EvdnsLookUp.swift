internal import CLibEventDNS
import Glibc
import Spindle

/// One question to evdns, from when it is put until its callback, which comes exactly once.
@safe
final class EvdnsLookUp {
    /// Weak: it may be kept long after the look-up is over.
    private(set) lazy var deferred = Deferred<[SocketAddress]> { [weak self] _ in self?.cancel() }
    /// What evdns knows it by, while it can be cancelled.
    var request: OpaquePointer?

    private let name: String
    private let session: EvdnsSession

    init(_ name: String, _ session: EvdnsSession) {
        self.name = name
        self.session = session
    }

    func cancel() {
        if let request = unsafe request.take() { unsafe evdns_getaddrinfo_cancel(request) }
    }

    private func answered(_ result: Int32, _ list: UnsafeMutablePointer<addrinfo>?) {
        unsafe request = nil
        defer { if let list = unsafe list { unsafe evutil_freeaddrinfo(list) } }
        switch result {
        case 0: session.finish(self, .success(unsafe SocketAddress.addresses(in: list)))
        case EVUTIL_EAI_FAIL:
            // evdns has one error for servers that do not answer and for answers without an address.
            fail("no answer from the name servers, or none with such an address")
        default: fail(unsafe String(cString: evutil_gai_strerror(result)))
        }
    }

    private func fail(_ reason: String) {
        session.finish(self, .failure(DNSLookupError(name: name, reason: reason)))
    }

    static let thunk: evdns_getaddrinfo_cb = { result, list, context in
        unsafe Unmanaged<EvdnsLookUp>.fromOpaque(context.unsafelyUnwrapped).takeUnretainedValue().answered(result, list)
    }
}
