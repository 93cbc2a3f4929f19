import Glibc
import TestSupport
import Testing

@testable import Spindle

/// Rule E2: what endpoint strings mean.
@Suite(.ownThreads) struct EndpointStringTests {
    /// What is wrong with a string.
    private func problem(
        server string: String? = nil, client: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> EndpointStringError.Problem? {
        let reactor = try Reactor(options: .forTests)
        do {
            if let string { _ = try serverFromString(reactor, string) }
            if let client { _ = try clientFromString(reactor, client) }
        } catch let error as EndpointStringError {
            #expect(error.string == string ?? client, sourceLocation: sourceLocation)
            return error.problem
        }
        return nil
    }

    private func plan(of endpoint: any StreamServerEndpoint) -> ListenPlan? {
        Mirror(reflecting: endpoint).descendant("plan") as? ListenPlan
    }

    // MARK: - Listening at once

    @Test("E2: listen returns the port, or throws what is wrong with the string or with the place")
    func listening() throws {
        let reactor = try Reactor(options: .forTests)
        let port = try reactor.listen("tcp:0:interface=127.0.0.1", Factory { Recorder() })
        defer { port.stopListening() }
        let number = try #require(port.address.port)
        let taken = #expect(throws: CannotListenError.self) {
            try reactor.listen("tcp:\(number):interface=127.0.0.1", Factory())
        }
        #expect(taken?.errno == EADDRINUSE)
        #expect(throws: EndpointStringError.self) { try reactor.listen("tpc:8000", Factory()) }
    }

    @Test("E2: an endpoint that takes its time is called off, and the error says what to do", arguments: [true, false])
    func listeningLater(succeeds: Bool) throws {
        final class Slow: StreamServerEndpoint {
            let reactor: Reactor
            let succeeds: Bool
            var wasCancelled = false
            init(_ reactor: Reactor, _ succeeds: Bool) { (self.reactor, self.succeeds) = (reactor, succeeds) }
            func listen(_ factory: Factory) -> Deferred<ListeningPort> {
                Deferred { [self] deferred in
                    wasCancelled = true
                    guard succeeds, let port = try? reactor.listenTCP(0, factory, interface: "127.0.0.1") else {
                        return
                    }
                    try? deferred.callback(port)
                }
            }
        }
        let reactor = try Reactor(options: .forTests)
        let slow = Slow(reactor, succeeds)
        let name = "slow\(UInt32.random(in: 0 ... .max))"
        nonisolated(unsafe) let endpoint = slow
        EndpointParsers.register(server: name) { _, _ in endpoint }
        let error = #expect(throws: EndpointNotSynchronous.self) { try reactor.listen("\(name):", Factory()) }
        #expect("\(try #require(error))".contains(name) && slow.wasCancelled)
        #expect(reactor.statistics.listeningPorts == 0)
    }

    // MARK: - Servers and clients that work

    @Test(
        "E2: a server and a client made of strings meet",
        arguments: [
            ("tcp:0:interface=127.0.0.1:backlog=5", "tcp:127.0.0.1:PORT"),
            ("tcp:port=0:interface=127.0.0.1", "tcp:host=127.0.0.1:port=PORT:timeout=5"),
            ("tcp:0:127.0.0.1:7", "tcp:host=127.0.0.1:PORT"),
            ("TCP:0:interface=127.0.0.1", "Tcp:127.0.0.1:port=PORT:bindAddress=127.0.0.2:timeout=5.5"),
            (#"tcp6:0:interface=\:\:1"#, #"tcp6:\:\:1:PORT"#),
            (#"tcp6:0:50:\:\:1"#, #"tcp:\:\:1:PORT"#),
            ("unix:PATH", "unix:PATH"),
            ("unix:address=PATH:mode=600:lockfile=0:backlog=2", "unix:path=PATH:timeout=9:lockfile=0"),
            ("unix:PATH:lockfile=1", "unix:PATH:lockfile=1"),
            ("unix:@NAME", "unix:@NAME"),
        ])
    func meeting(server: String, client: String) throws {
        let reactor = try Reactor(options: .forTests)
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let mine = Recorder()
        let echo = { (template: String, port: Int) -> String in
            var text = template
            for (word, value) in [
                ("PORT", "\(port)"), ("PATH", directory.file("a:b=c")), ("NAME", directory.file("abstract")),
            ] {
                guard let range = text.firstRange(of: word) else { continue }
                text.replaceSubrange(range, with: quoteStringArgument(value))
            }
            return text
        }
        reactor.spawn {
            let listening = try await serverFromString(reactor, echo(server, 0)).listen(Factory { Recorder.echo() })
                .value()
            let endpoint = try clientFromString(reactor, echo(client, listening.address.port ?? 0))
            let connected = try await endpoint.connectProtocol(mine).value()
            #expect(connected.transport.peer == listening.address)
            if client.contains("bindAddress") { #expect(connected.transport.host.host == "127.0.0.2") }
            mine.onData = { me, _ in try me.reactor.stop() }
            connected.transport.write("hello")
        }.addErrback { error in
            Issue.record(error)
            try reactor.stop()
        }
        try reactor.runWatched()
        #expect(mine.receivedText == "hello")
    }

    @Test("E2: arguments arrive where they belong")
    func arguments() throws {
        let reactor = try Reactor(options: .forTests)
        let tcp = try serverFromString(reactor, "tcp:80:interface=10.0.0.1:backlog=7")
        #expect(tcp is TCP4ServerEndpoint)
        let options = ListenOptions()
        #expect(plan(of: tcp) == .tcp(port: 80, interface: "10.0.0.1", backlog: 7, options: options))
        let plain = try serverFromString(reactor, "tcp:80")
        #expect(plan(of: plain) == .tcp(port: 80, interface: "", backlog: nil, options: options))
        let tcp6 = try serverFromString(reactor, "tcp6:80:7")
        #expect(tcp6 is TCP6ServerEndpoint)
        #expect(plan(of: tcp6) == .tcp(port: 80, interface: "::", backlog: 7, options: options))
        let unix = try serverFromString(reactor, "unix:/x")
        #expect(unix is UNIXServerEndpoint)
        #expect(plan(of: unix) == .unix(path: "/x", backlog: nil, mode: 0o666, usesLock: true))
        let other = try serverFromString(reactor, "unix:/x:660:9:lockfile=0")
        #expect(plan(of: other) == .unix(path: "/x", backlog: 9, mode: 0o660, usesLock: false))
        #expect(try clientFromString(reactor, "tcp:example.com:80") is HostnameEndpoint)
        #expect(try clientFromString(reactor, "tcp6:example.com:80") is TCP6ClientEndpoint)
        let plan = try #require(
            Mirror(reflecting: try clientFromString(reactor, "tcp:a.example:80:timeout=15:bindAddress=10.0.0.9"))
                .descendant("plan") as? ConnectPlan)
        #expect(plan.destination == .name("a.example", port: 80) && plan.timeout == .seconds(15))
        #expect(plan.localAddress == (try SocketAddress("10.0.0.9", port: 0)))
        #expect(plan.families == [.ipv6, .ipv4])
    }

    // MARK: - Mistakes

    @Test("E2: an unknown kind is named, with those there are")
    func unknownPrefix() throws {
        guard case .unknownPrefix("tpc", let known) = try problem(server: "tpc:80") else { throw Mishap() }
        #expect(Set(["tcp", "tcp6", "unix", "systemd"]).isSubset(of: known))
        guard case .unknownPrefix("systemd", let clients) = try problem(client: "systemd:name=x") else {
            throw Mishap()
        }
        #expect(Set(["tcp", "tcp6", "unix"]).isSubset(of: clients) && clients == clients.sorted())
    }

    @Test("E2: an unknown argument is named, with those there are")
    func unknownArgument() throws {
        let known = ["port", "interface", "backlog"]
        #expect(try problem(server: "tcp:80:colour=red") == .unknownArgument("colour", known: known))
        #expect(try problem(server: "tcp:80:Interface=x") == .unknownArgument("Interface", known: known))
        #expect(try problem(server: "tcp:80:=x") == .unknownArgument("", known: known))
        #expect(
            try problem(client: "tcp:h:80:path=/")
                == .unknownArgument("path", known: ["host", "port", "timeout", "bindAddress"]))
    }

    @Test("E2: missing, repeated and superfluous arguments are named")
    func count() throws {
        #expect(try problem(server: "tcp") == .missingArgument("port"))
        #expect(try problem(server: "tcp:") == .missingArgument("port"))
        #expect(try problem(server: "tcp:interface=127.0.0.1") == .missingArgument("port"))
        #expect(try problem(client: "tcp:h") == .missingArgument("port"))
        #expect(try problem(client: "tcp:port=80") == .missingArgument("host"))
        #expect(try problem(server: "unix:") == .missingArgument("address"))
        #expect(try problem(server: "tcp:80:backlog=1:backlog=2") == .repeatedArgument("backlog"))
        #expect(try problem(server: "tcp:80:127.0.0.1:50:7") == .excessArgument("7"))
        #expect(try problem(client: "tcp:h:80:5") == .excessArgument("5"))
        #expect(try problem(client: "tcp:::1:80") == .invalidValue("", of: "host", expected: "not empty"))
        #expect(try problem(client: "unix:/x:1") == .excessArgument("1"))
    }

    @Test("E2: a value that cannot be is named, with what could")
    func values() throws {
        let port = "a number from 0 to 65535"
        for text in ["", "http", "-1", "65536", "8 0", "99999999999999999999", "٨٠", "0x50"] {
            #expect(try problem(server: "tcp:\(text):x") == .invalidValue(text, of: "port", expected: port))
        }
        #expect(
            try problem(client: "tcp:h:0") == .invalidValue("0", of: "port", expected: "a number from 1 to 65535"))
        for text in ["", "-1", "nan", "inf", "1e3", "0x1", "1.2.3", ".", "1000000001"] {
            #expect(
                try problem(client: "tcp:h:1:timeout=\(text)")
                    == .invalidValue(text, of: "timeout", expected: "a number of seconds"))
        }
        for text in ["", "8", "1000", "-1", "rw"] {
            #expect(
                try problem(server: "unix:/x:mode=\(text)")
                    == .invalidValue(text, of: "mode", expected: "a mode from 000 to 777"))
        }
        for text in ["", "2", "true"] {
            #expect(
                try problem(server: "unix:/x:lockfile=\(text)")
                    == .invalidValue(text, of: "lockfile", expected: "0 or 1"))
        }
        for text in ["", "localhost", "300.1.1.1"] {
            #expect(
                try problem(client: "tcp:h:1:bindAddress=\(text)")
                    == .invalidValue(text, of: "bindAddress", expected: "a numeric address"))
        }
    }

    @Test("E2: an error is a line that helps")
    func descriptions() {
        let texts: [(EndpointStringError.Problem, String)] = [
            (.unknownPrefix("tpc", known: ["tcp", "unix"]), #"there is no "tpc", only tcp, unix"#),
            (.unknownArgument("a", known: []), #"there is no argument "a", only none"#),
            (.excessArgument("x"), #""x" is one argument too many; a colon within an argument is written \:"#),
            (.missingArgument("port"), #"the argument "port" is missing"#),
            (.repeatedArgument("port"), #"the argument "port" is there twice"#),
            (.invalidValue("x", of: "port", expected: "y"), #""x" is no value for the argument "port", which is y"#),
            (.other("z"), "z"),
        ]
        for (problem, text) in texts {
            #expect("\(EndpointStringError("s", problem))" == "endpoint \"s\": \(text)")
        }
    }

    @Test("E2: no string does harm: each is an endpoint or a typed error")
    func randomStrings() throws {
        let reactor = try Reactor(options: .forTests)
        var generator = SeededGenerator(seed: 7)
        var good = 0
        for round in 0..<3000 {
            let prefix = ["", "tcp:", "tcp6:", "unix:", "systemd:"][round % 5]
            let string = prefix + EndpointTokenTests.random(&generator)
            for isServer in [true, false] {
                do {
                    _ = try isServer ? serverFromString(reactor, string) as Any : clientFromString(reactor, string)
                    good += 1
                } catch { #expect(error is EndpointStringError, "\(string): \(error)") }
            }
        }
        #expect(good > 20)
    }

    // MARK: - Parsers of others

    @Test("E2: others add their kinds, which may wrap strings, and the last to register counts")
    func registering() throws {
        let reactor = try Reactor(options: .forTests)
        for port in [1, 2] {
            EndpointParsers.register(server: "Test-Fixed") { _, reactor in TCP4ServerEndpoint(reactor, port) }
        }
        let fixed = try serverFromString(reactor, "test-fixed")
        #expect(plan(of: fixed) == .tcp(port: 2, interface: "", backlog: nil, options: ListenOptions()))
        #expect(try problem(server: "test-fixed:1") == .excessArgument("1"))
        EndpointParsers.register(server: "test-wrap") { arguments, reactor in try arguments.wrappedServer(reactor) }
        EndpointParsers.register(client: "test-wrap") { arguments, reactor in try arguments.wrappedClient(reactor) }
        EndpointParsers.register(client: "test-inner") { arguments, reactor in
            try arguments.required("endpoint").client(reactor)
        }
        let wrapped = try serverFromString(reactor, #"test-wrap:test-wrap:tcp:80:interface=\:\::backlog=9"#)
        #expect(plan(of: wrapped) == .tcp(port: 80, interface: "::", backlog: 9, options: ListenOptions()))
        #expect(try clientFromString(reactor, "test-wrap:tcp:h:80") is HostnameEndpoint)
        #expect(try clientFromString(reactor, #"test-inner:endpoint=tcp6\:h\:80"#) is TCP6ClientEndpoint)
        do {
            _ = try serverFromString(reactor, "test-wrap:tcp:80:a=1:a=2")
            Issue.record("no error")
        } catch let error as EndpointStringError {
            #expect(error.string == "tcp:80:a=1:a=2")
        }
        for string in [String(repeating: "test-wrap:", count: 2000), "test-wrap"] {
            #expect(throws: EndpointStringError.self) { try serverFromString(reactor, string) }
            #expect(throws: EndpointStringError.self) { try clientFromString(reactor, string) }
        }
    }

    @Test("E2: kinds may be added while strings are parsed on other threads")
    func threads() throws {
        let threads = (0..<4).map { number in
            ScriptThread {
                for round in 0..<200 {
                    EndpointParsers.register(client: "test-\(number)-\(round)") { arguments, reactor in
                        HostnameEndpoint(reactor, try arguments.required("host").text, 1)
                    }
                    guard let reactor = try? Reactor(options: .forTests),
                        (try? clientFromString(reactor, "test-\(number)-\(round):h")) != nil
                    else {
                        Issue.record("not found")
                        return
                    }
                }
            }
        }
        for thread in threads { thread.join() }
    }
}
