import Glibc
import Testing

@testable import Spindle

/// Socket activation: what systemd's variables say, and what strings choose from it. That it works in a process
/// of its own is tested with the examples.
@Suite(.ownThreads) struct SystemdSocketsTests {
    private func sockets(_ variables: [String: String]) throws -> SystemdSockets {
        var left = variables
        defer { #expect(left.isEmpty) }
        return try SystemdSockets { left.removeValue(forKey: $0) }
    }

    private let me = "\(getpid())"

    @Test("E2: without variables, and with those of another process, there are no sockets")
    func none() throws {
        #expect(try sockets([:]).entries.isEmpty)
        #expect(try sockets(["LISTEN_FDS": "2"]).entries.isEmpty)
        #expect(try sockets(["LISTEN_PID": me]).entries.isEmpty)
        #expect(try sockets(["LISTEN_PID": "1", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b"]).entries.isEmpty)
        #expect(try sockets(["LISTEN_PID": "", "LISTEN_FDS": "nonsense"]).entries.isEmpty)
        #expect(try sockets(["LISTEN_PID": me, "LISTEN_FDS": "0"]).entries.isEmpty)
    }

    @Test(
        "E2: what cannot be is an error",
        arguments: [
            ["LISTEN_FDS": "nonsense"], ["LISTEN_FDS": "-1"], ["LISTEN_FDS": ""],
            ["LISTEN_FDS": "99999999999999999999"],
            ["LISTEN_FDS": "2147483647"], ["LISTEN_FDS": "1", "LISTEN_FDNAMES": "a:b"],
            ["LISTEN_FDS": "2", "LISTEN_FDNAMES": ""], ["LISTEN_FDS": "60000"],
        ])
    func wrong(variables: [String: String]) {
        #expect(throws: SystemdSocketsError.self) {
            try sockets(variables.merging(["LISTEN_PID": me]) { one, _ in one })
        }
    }

    @Test("E2: the process has none here, and its strings say so")
    func inherited() throws {
        #expect(try SystemdSockets.inherited().entries.isEmpty)
        let reactor = try Reactor(options: .forTests)
        for string in ["systemd:name=web", "systemd:domain=INET:index=0", "systemd:", "systemd:domain=INET"] {
            #expect(throws: EndpointStringError.self) { try serverFromString(reactor, string) }
        }
    }

    /// What `systemd:` followed by `arguments` chooses; nil for an error of the right type.
    private func choose(_ arguments: String, from sockets: SystemdSockets) throws -> CInt? {
        let string = "systemd:" + arguments
        var taken = EndpointArguments(string, try EndpointTokens(string), depth: 0)
        do {
            let chosen = try sockets.chosen(by: &taken)
            try taken.requireNoneLeft()
            return chosen
        } catch {
            #expect(error.string == string)
            return nil
        }
    }

    @Test("E2: sockets are chosen by index, by name, and by both where several have the name")
    func choosing() throws {
        let four = try Self.open(AF_INET)
        let six = try Self.open(AF_INET6)
        let path = try Self.open(AF_UNIX)
        let file = Glibc.open("/dev/null", O_RDONLY)
        defer { for descriptor in [four, six, path, file] { close(descriptor) } }
        let names = ["web", "web", "control", "odd"]
        let sockets = SystemdSockets(
            entries: zip([four, six, path, file], names).map { SystemdSockets.Entry(descriptor: $0, name: $1) })
        #expect(sockets.descriptors(named: "web") == [four, six])
        #expect(sockets.descriptors(named: "none") == [])
        let good: [(String, CInt)] = [
            ("index=0", four), ("index=1", six), ("index=2", path), ("domain=INET6:index=1", six),
            ("name=control", path),
            ("domain=UNIX:name=control", path), ("name=web:index=0", four), ("name=web:index=1:domain=INET6", six),
            ("name=odd", file),
        ]
        for (arguments, descriptor) in good {
            #expect(try choose(arguments, from: sockets) == descriptor, "\(arguments)")
        }
        let bad = [
            "", "domain=INET", "index=4", "index=-1", "index=x", "name=none", "name=web", "name=web:index=2",
            "domain=INET:index=1", "domain=AX25:index=0", "domain=INET:name=odd", "web", "index=0:colour=red",
        ]
        for arguments in bad { #expect(try choose(arguments, from: sockets) == nil, "\(arguments)") }
    }

    private static func open(_ family: CInt) throws -> CInt {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw SystemError(errno, "socket") }
        return descriptor
    }

    @Test("F7: an endpoint on a socket that is there listens once, on a copy")
    func adopting() throws {
        let reactor = try Reactor(options: .forTests)
        let (listener, number) = try Peer.listener()
        let endpoint = AdoptedStreamServerEndpoint(reactor, listener.descriptor)
        var again: (any Error)?
        let mine = Recorder()
        mine.onData = { me, _ in try me.reactor.stop() }
        reactor.spawn {
            let port = try await endpoint.listen(Factory { Recorder.echo() }).value()
            listener.close()
            #expect(port.address.port == number)
            do { _ = try await endpoint.listen(Factory()).value() } catch { again = error }
            _ = try await TCP4ClientEndpoint(reactor, "127.0.0.1", number).connectProtocol(mine).value()
            mine.transport.write("hello")
        }.addErrback { error in
            Issue.record(error)
            try reactor.stop()
        }
        try reactor.runWatched()
        #expect(again is AlreadyListened && mine.receivedText == "hello")
    }

    @Test("F7: an endpoint on something else fails, typed")
    func notASocket() throws {
        let reactor = try Reactor(options: .forTests)
        let file = Glibc.open("/dev/null", O_RDONLY)
        defer { close(file) }
        for descriptor in [-1, file, 1_000_000] {
            let listening = AdoptedStreamServerEndpoint(reactor, descriptor).listen(Factory())
            guard case .failure(let error)? = listening.result else { throw Mishap() }
            #expect(error is CannotListenError)
            listening.addErrback { _ in }
        }
    }
}
