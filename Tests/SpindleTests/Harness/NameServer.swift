/// A real name server on the loopback interface: Twisted's, run by Tests/Peers/dns_server.py.
///
/// One for all tests; it ends with this process, which holds the other end of its standard input.
final class NameServer: Sendable {
    /// Nil where there is no Python with Twisted.
    static let shared = try? NameServer()

    /// As it is given to a resolver.
    let address: String

    private let peer: PythonPeer

    private init() throws {
        let root = #filePath.dropLast("/Tests/SpindleTests/Harness/NameServer.swift".count)
        // The other Python is what scripts/check-examples makes where the system's has no Twisted.
        let launcher = """
            import importlib.util, os, sys
            python = sys.executable if importlib.util.find_spec("twisted") else sys.argv[2]
            os.execv(python, [python, sys.argv[1]])
            """
        peer = try PythonPeer(launcher, "\(root)/Tests/Peers/dns_server.py", "\(root)/.build/venv/bin/python")
        address = "127.0.0.1:\(try peer.readLine())"
    }
}
