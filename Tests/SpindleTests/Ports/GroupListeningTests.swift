import Glibc
import Testing

@testable import Spindle

/// Rules F1 and F2 of the contract, and how connections are shared out, for ports of a ReactorGroup.
@Suite(.ownThreads) struct GroupListeningTests {
    /// Ports that one thread accepts on, for the others.
    enum Dealt: String, CaseIterable { case tcp4, tcp6, unix, adopted }

    private func with(
        _ kind: Dealt, _ group: ReactorGroup, _ crowd: Crowd, _ body: (SocketAddress) throws -> Void
    ) throws {
        try TemporaryDirectory.with { directory in
            let address: SocketAddress
            switch kind {
            case .tcp4, .tcp6:
                let interface = kind == .tcp6 ? "::1" : "127.0.0.1"
                address = try group.listenTCP(0, interface: interface, sharing: .acceptor) { _ in crowd.makeFactory() }
            case .unix: address = try group.listenUNIX(directory.file("socket")) { _ in crowd.makeFactory() }
            case .adopted:
                let (listener, port) = try Peer.listener()
                address = try group.adoptStreamPort(listener.descriptor) { _ in crowd.makeFactory() }
                listener.close()
                #expect(address.port == port)
            }
            try body(address)
        }
    }

    @Test("Connections that are dealt out are even: whoever has the fewest gets the next", arguments: Dealt.allCases)
    func even(kind: Dealt) throws {
        let group = try ReactorGroup(count: 4, options: .forTests)
        let crowd = Crowd()
        try with(kind, group, crowd) { address in
            try group.run {
                var guests = try (0..<40).map { _ in try Peer.guest(at: address) }
                #expect(crowd.open.values.sorted() == [10, 10, 10, 10])
                // Those of one reactor leave: each fourth one. Those who come next take their places.
                for index in stride(from: 0, to: 40, by: 4) { guests[index].close() }
                while crowd.open.values.sorted() != [0, 10, 10, 10] { usleep(1000) }
                guests += try (0..<10).map { _ in try Peer.guest(at: address) }
                #expect(crowd.open.values.sorted() == [10, 10, 10, 10])
            }
        }
        #expect(crowd.strays == 0)
        #expect(crowd.starts == 4)
        #expect(crowd.stops == 4)
    }

    @Test("Connections that the kernel shares out are all served, and every reactor has some")
    func kernel() throws {
        let group = try ReactorGroup(count: 2, options: .forTests)
        let crowd = Crowd()
        let address = try group.listenTCP(0, backlog: 512, interface: "127.0.0.1") { _ in crowd.makeFactory() }
        try group.run {
            let guests = try (0..<200).map { _ in try Peer.guest(at: address) }
            #expect(crowd.open.values.reduce(0, +) == 200)
            #expect(crowd.open.count == 2)
            #expect(crowd.open.values.allSatisfy { $0 > 0 })
            for guest in guests { guest.close() }
        }
        #expect(crowd.strays == 0)
    }

    @Test("A thousand connections at once are served", arguments: [ReactorGroup.Sharing.kernel, .acceptor])
    func thousand(sharing: ReactorGroup.Sharing) throws {
        let group = try ReactorGroup(count: 2, options: .forTests)
        let crowd = Crowd()
        let address = try group.listenTCP(0, backlog: 1024, interface: "127.0.0.1", sharing: sharing) { _ in
            crowd.makeFactory()
        }
        try group.run {
            let guests = try (0..<1000).map { _ in try Peer.connect(to: address) }
            for guest in guests { try guest.send("hello") }
            for guest in guests { #expect(try guest.receiveText(5) == "hello") }
            if sharing == .acceptor { #expect(crowd.open.values.sorted() == [500, 500]) }
            for guest in guests { guest.close() }
        }
        #expect(crowd.strays == 0)
    }

    @Test("A group of one serves, too", arguments: [ReactorGroup.Sharing.kernel, .acceptor])
    func one(sharing: ReactorGroup.Sharing) throws {
        let group = try ReactorGroup(count: 1, options: .forTests)
        let crowd = Crowd()
        let address = try group.listenTCP(0, interface: "127.0.0.1", sharing: sharing) { _ in crowd.makeFactory() }
        try group.run {
            for _ in 0..<3 { try Peer.guest(at: address).close() }
        }
        #expect(crowd.makers.count == 1)
    }

    @Test("A group listens while it runs, too, from any of its threads")
    func whileRunning() throws {
        let group = try ReactorGroup(count: 2, options: .forTests)
        let crowd = Crowd()
        try group.run {
            for sharing in [ReactorGroup.Sharing.kernel, .acceptor] {
                let answer = Lock<SocketAddress?>(nil)
                let done = Handoff()
                group.next().callFromThread { [weak group] _ in
                    let address = try group?.listenTCP(0, interface: "127.0.0.1", sharing: sharing) { _ in
                        crowd.makeFactory()
                    }
                    answer.withLock { $0 = address }
                    done.finish(true)
                }
                #expect(done.wait())
                try Peer.guest(at: #require(answer.withLock { $0 })).close()
            }
        }
    }

    @Test(
        "F2: a port in use is an error at once, whoever has it, and nothing is left open",
        arguments: [ReactorGroup.Sharing.kernel, .acceptor])
    func inUse(sharing: ReactorGroup.Sharing) throws {
        let interface = Loopback.own()
        var shared = ListenOptions()
        shared.reusePort = true
        for willShare in [false, true] {
            let reactor = try Reactor(options: .forTests)
            let options = willShare ? shared : ListenOptions()
            let other = try reactor.listenTCP(0, Factory(), interface: interface, options: options)
            let port = try #require(other.address.port)
            let group = try ReactorGroup(count: 2, options: .forTests)
            let error = #expect(throws: CannotListenError.self) {
                try group.listenTCP(port, interface: interface, sharing: sharing) { _ in Factory() }
            }
            #expect(error?.errno == EADDRINUSE)
            #expect(error?.port == port)
            #expect(error?.interface == interface)
            other.stopListening()
            // Neither another socket nor a factory is there.
            let crowd = Crowd()
            // A program that another test starts at this moment may hold the port's descriptor until it runs.
            let isFree = eventually {
                (try? group.listenTCP(port, interface: interface, sharing: sharing) { _ in crowd.makeFactory() }) != nil
            }
            #expect(isFree)
            group.stop()
            try group.run()
            #expect(crowd.makers.count == 2)
        }
    }

    @Test("F2: with reusePort on, other programs may share the port")
    func sharedWithOthers() throws {
        var shared = ListenOptions()
        shared.reusePort = true
        let (one, other) = (
            try ReactorGroup(count: 2, options: .forTests), try ReactorGroup(count: 2, options: .forTests)
        )
        let address = try one.listenTCP(0, interface: "127.0.0.1", options: shared) { _ in Factory() }
        let second = try other.listenTCP(#require(address.port), interface: "127.0.0.1", options: shared) { _ in
            Factory()
        }
        #expect(second == address)
    }

    @Test("F2: a bad interface, a path in use and a descriptor that does not listen are errors at once")
    func impossible() throws {
        let group = try ReactorGroup(count: 2, options: .forTests)
        #expect(throws: CannotListenError.self) { try group.listenTCP(0, interface: "nonsense") { _ in Factory() } }
        #expect(throws: CannotListenError.self) { try group.adoptStreamPort(-1) { _ in Factory() } }
        try TemporaryDirectory.with { directory in
            let path = directory.file("socket")
            let listener = try Peer.listener(at: path)
            defer { listener.close() }
            #expect(throws: CannotListenError.self) { try group.listenUNIX(path) { _ in Factory() } }
        }
    }

    @Test("X1: the file of a UNIX socket goes with the group, also with one that never ran")
    func file() throws {
        try TemporaryDirectory.with { directory in
            for runs in [true, false] {
                do {
                    let group = try ReactorGroup(count: 2, options: .forTests)
                    try group.listenUNIX(directory.file("socket"), lock: true) { _ in Factory() }
                    #expect(directory.contents == ["socket", "socket.lock"])
                    if runs {
                        try group.run {}
                        #expect(directory.contents.isEmpty)
                    }
                }
                #expect(directory.contents.isEmpty)
            }
        }
    }

    @Test("Endpoints of which there can be several: each reactor listens for itself")
    func endpoints() throws {
        let group = try ReactorGroup(count: 2, options: .forTests)
        let crowd = Crowd()
        let addresses = Lock<[SocketAddress]>([])
        group.listen { reactor in
            TCP4ServerEndpoint(reactor, 0, interface: "127.0.0.1").listen(crowd.makeFactory())
                .addCallback { port in
                    addresses.withLock { $0.append(port.address) }
                    return port
                }
        }
        try group.run {
            while addresses.withLock({ $0.count }) < 2 { usleep(1000) }
            let guests = try addresses.withLock { $0 }.map { try Peer.guest(at: $0) }
            #expect(crowd.open.values.sorted() == [1, 1])
            for guest in guests { guest.close() }
        }
    }

    @Test("F2: an endpoint that cannot listen ends the group with its error")
    func endpointFails() throws {
        let group = try ReactorGroup(count: 3, options: .forTests)
        group.listen { TCP4ServerEndpoint($0, 0, interface: "192.0.2.1").listen(Factory()) }
        #expect(throws: CannotListenError.self) { try group.run() }
        struct Mishap: Error {}
        group.listen { _ in throw Mishap() }
        #expect(throws: Mishap.self) { try group.run() }
    }

    @Test("R2, R6: an endpoint that is told to listen while the group stops fails nothing")
    func endpointTooLate() throws {
        let group = try ReactorGroup(count: 2, options: .forTests)
        let errors = Lock<[any Error]>([])
        group.handles[0].callFromThread { reactor in
            reactor.addSystemEventTrigger(.during, .shutdown) {
                group.listen { reactor in
                    TCP4ServerEndpoint(reactor, 0, interface: "127.0.0.1").listen(Factory())
                        .addErrback { error -> ListeningPort in
                            errors.withLock { $0.append(error) }
                            throw error
                        }
                }
            }
        }
        try group.run {}
        let refused = errors.withLock { $0 }
        // The other reactor may have ended before.
        #expect((1...2).contains(refused.count) && refused.allSatisfy { $0 is ReactorNotRunning })
    }
}
