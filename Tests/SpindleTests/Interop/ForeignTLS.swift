import CLibEvent
import Glibc
import Testing

@testable import Spindle

/// libevent_openssl as a C program has it. Loaded when a test wants it: Spindle itself never does.
struct ForeignTLS {
    private let context: OpaquePointer

    /// A server's settings, with a certificate of its own.
    init(_ directory: TemporaryDirectory) throws {
        for library in ["libssl.so.3", "libevent_openssl-2.1.so.7"] {
            try #require(dlopen(library, RTLD_NOW | RTLD_GLOBAL) != nil, "\(library) cannot be loaded")
        }
        let (key, certificate) = (directory.file("key.pem"), directory.file("certificate.pem"))
        let maker = try PythonPeer(
            """
            import subprocess, sys
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-subj", "/CN=localhost", "-keyout", sys.argv[1], "-out", sys.argv[2]],
                check=True, stderr=subprocess.DEVNULL)
            print("made", flush=True)
            """, key, certificate)
        #expect(try maker.readLine() == "made")
        let method = Self.find("TLS_server_method", as: (@convention(c) () -> OpaquePointer).self)()
        context = Self.find("SSL_CTX_new", as: (@convention(c) (OpaquePointer) -> OpaquePointer).self)(method)
        typealias UseFile = @convention(c) (OpaquePointer, UnsafePointer<CChar>, CInt) -> CInt
        #expect(Self.find("SSL_CTX_use_certificate_file", as: UseFile.self)(context, certificate, 1) == 1)
        #expect(Self.find("SSL_CTX_use_PrivateKey_file", as: UseFile.self)(context, key, 1) == 1)
    }

    private static func find<Function>(_ name: String, as type: Function.Type) -> Function {
        unsafeBitCast(dlsym(nil, name)!, to: type)
    }

    func free() { Self.find("SSL_CTX_free", as: (@convention(c) (OpaquePointer) -> Void).self)(context) }

    enum Kind: CaseIterable {
        case socket, filter
    }

    /// A server's bufferevent on an accepted socket, with the handshake before it.
    func bufferEvent(_ kind: Kind, on base: OpaquePointer?, _ descriptor: CInt) -> OpaquePointer? {
        let session = Self.find("SSL_new", as: (@convention(c) (OpaquePointer) -> OpaquePointer).self)(context)
        let (accepting, options) = (CInt(2), Int32(BEV_OPT_CLOSE_ON_FREE.rawValue))
        evutil_make_socket_nonblocking(descriptor)
        switch kind {
        case .socket:
            typealias Make = @convention(c) (OpaquePointer?, CInt, OpaquePointer, CInt, CInt) -> OpaquePointer?
            return Self.find("bufferevent_openssl_socket_new", as: Make.self)(
                base, descriptor, session, accepting, options)
        case .filter:
            typealias Make =
                @convention(c) (OpaquePointer?, OpaquePointer?, OpaquePointer, CInt, CInt) -> OpaquePointer?
            let socket = bufferevent_socket_new(base, descriptor, options)
            return Self.find("bufferevent_openssl_filter_new", as: Make.self)(
                base, socket, session, accepting, options)
        }
    }
}
