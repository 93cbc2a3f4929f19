import Glibc
import Spindle
import Testing

/// F7 of the contract: sockets that somebody else has opened. What holds for every connection and every port is
/// tested on adopted ones, too, as kinds of their own.
@Suite(.ownThreads) struct AdoptingTests {
    // MARK: - What cannot be adopted

    /// Things that are neither a listening socket nor a connection, with the errno of an attempt to adopt them.
    enum Misfit: String, CaseIterable {
        case negative, closed, file, pipe, datagram, unconnected

        /// A descriptor to try, and what keeps it open meanwhile.
        func make() throws -> (CInt, Peer?) {
            switch self {
            case .negative: return (-1, nil)
            // Far beyond what anybody opens meanwhile.
            case .closed: return (CInt.max, nil)
            case .file: return (open("/dev/null", O_RDONLY | O_CLOEXEC), nil)
            case .pipe:
                var ends: [CInt] = [-1, -1]
                try #require(Glibc.pipe(&ends) == 0)
                close(ends[1])
                return (ends[0], nil)
            case .datagram: return (socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0), nil)
            case .unconnected: return (socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0), nil)
            }
        }

        var errno: CInt {
            switch self {
            case .negative, .closed: EBADF
            case .file, .pipe: ENOTSOCK
            case .datagram: EPROTOTYPE
            case .unconnected: 0
            }
        }
    }

    @Test("F7: what is no listening stream socket is a CannotListenError that says so", arguments: Misfit.allCases)
    func notAPort(misfit: Misfit) throws {
        let reactor = try Reactor(options: .forTests)
        let guests = Guests()
        let (descriptor, _) = try misfit.make()
        defer { if descriptor >= 0 { close(descriptor) } }
        let flags = fcntl(descriptor, F_GETFL)
        let error = #expect(throws: CannotListenError.self) { try reactor.adoptStreamPort(descriptor, guests) }
        // Whoever has it, a terminal perhaps, finds it as it was.
        #expect(fcntl(descriptor, F_GETFL) == flags)
        #expect(error?.errno == (misfit == .unconnected ? EINVAL : misfit.errno))
        #expect(error?.place == .descriptor(descriptor))
        let reasons: [Misfit: String] = [
            .datagram: "it is not a stream socket", .unconnected: "it is a socket that does not listen",
            .file: "Socket operation on non-socket", .negative: "Bad file descriptor",
        ]
        if let reason = reasons[misfit] {
            #expect(error?.description == "cannot listen on descriptor \(descriptor): \(reason)")
        }
        #expect(guests.starts == 0)
    }

    @Test("F7: what is no connection is a CannotAdoptError that says so", arguments: Misfit.allCases)
    func notAConnection(misfit: Misfit) throws {
        let reactor = try Reactor(options: .forTests)
        let (descriptor, _) = try misfit.make()
        defer { if descriptor >= 0 { close(descriptor) } }
        let error = #expect(throws: CannotAdoptError.self) {
            try reactor.adoptStreamConnection(descriptor, Factory { Recorder() })
        }
        #expect(error?.errno == (misfit == .unconnected ? ENOTCONN : misfit.errno))
        #expect(error?.descriptor == descriptor)
        if misfit == .datagram {
            #expect(
                error?.description
                    == "cannot adopt descriptor \(descriptor) as a connection: it is not a stream socket")
        }
    }

    @Test("F7: one taken for the other is refused, and nothing of it is kept")
    func confused() throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, theirs) = try Peer.pair()
        let notListening = #expect(throws: CannotListenError.self) {
            try reactor.adoptStreamPort(ours.descriptor, Factory())
        }
        #expect(notListening?.errno == EINVAL)
        ours.close()
        #expect(theirs.sight == .end, "a copy of it is open somewhere")

        let (listener, port) = try Peer.listener()
        let notConnected = #expect(throws: CannotAdoptError.self) {
            try reactor.adoptStreamConnection(listener.descriptor, Factory())
        }
        #expect(notConnected?.errno == ENOTCONN)
        listener.close()
        #expect(throws: Peer.Failure.self) { _ = try Peer.connect(to: SocketAddress("127.0.0.1", port: port)) }
    }

    // MARK: - Ports

    @Test("F7: a socket that was adopted goes on listening for others when we stop", arguments: PortKind.allCases)
    func others(kind: PortKind) throws {
        let somewhere = try Reactor(options: .forTests)
        let reactor = try Reactor(options: .forTests)
        let guests = Guests()
        try kind.with(somewhere, Factory()) { original in
            let descriptor = try #require(original.fileDescriptor)
            let port = try reactor.adoptStreamPort(descriptor, guests)
            #expect(port.address == original.address)
            #expect(port.fileDescriptor != descriptor)
            #expect(fcntl(port.fileDescriptor ?? -1, F_GETFD) & FD_CLOEXEC != 0)
            try reactor.run {
                let first = try Peer.connect(to: port.address)
                try first.send("x")
                try await reactor.until { first.sight == .text("x") }
                port.stopListening()
                #expect(port.fileDescriptor == nil)
                // Connections still come in; the other copy may accept them.
                let second = try Peer.connect(to: original.address)
                let accepted = accept(descriptor, nil, nil)
                #expect(accepted >= 0)
                close(accepted)
                try await reactor.until { second.sight == .end }
                #expect(guests.all.count == 1)
            }
        }
        guests.letGo()
    }

    @Test(
        "F7, F3: there is no restart for an adopted port, which says so",
        arguments: PortKind.allCases.filter(\.isAdopted))
    func restart(kind: PortKind) throws {
        let reactor = try Reactor(options: .forTests)
        let guests = Guests()
        try kind.with(reactor, guests) { port in
            port.stopListening()
            let error = #expect(throws: CannotListenError.self) { try port.startListening() }
            #expect(error?.reason.hasPrefix("an adopted ") == true)
            #expect(error?.errno == nil)
            #expect(!port.isListening)
        }
        #expect((guests.starts, guests.stops) == (2, 2))
    }

    @Test(
        "F7: a port that was adopted and never ran leaves no copy open",
        arguments: PortKind.allCases.filter(\.isAdopted))
    func portOfAnIdleReactor(kind: PortKind) throws {
        var address = SocketAddress.unspecified
        try {
            let reactor = try Reactor(options: .forTests)
            try kind.with(reactor, Factory()) { port in
                address = port.address
                port.stopListening()
            }
        }()
        #expect(throws: Peer.Failure.self) { _ = try Peer.connect(to: address) }
    }

    // MARK: - Connections

    @Test("F7: what is unread when a connection is adopted comes first, also before its end", arguments: [true, false])
    func unread(hasEnded: Bool) throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, theirs) = try Peer.pair()
        let subject = Recorder()
        var next: Recorder? = subject
        try theirs.send("early ")
        if hasEnded { theirs.finishSending() }
        try reactor.adoptStreamConnection(ours.descriptor, Factory { next.take() })
        ours.close()
        if !hasEnded { try theirs.send("late") }
        #expect(subject.events.isEmpty, "it is told in the next pass")
        let text = hasEnded ? "early " : "early late"
        try reactor.run {
            try await reactor.until { subject.receivedText == text && (!hasEnded || subject.losses == 1) }
        }
        #expect(subject.events.first == .made)
        #expect(subject.reason is ConnectionDone)
    }

    @Test("F7: an adopted connection knows both addresses, and both copies are non-blocking")
    func addresses() throws {
        let reactor = try Reactor(options: .forTests)
        let (listener, port) = try Peer.listener()
        let ours = try Peer.connect(to: SocketAddress("127.0.0.1", port: port))
        let theirs = try listener.accept()
        let subject = Recorder()
        var next: Recorder? = subject
        var asked: SocketAddress?
        let guests = Guests()
        try reactor.adoptStreamConnection(ours.descriptor, guests)
        try reactor.adoptStreamConnection(
            theirs.descriptor,
            FactoryThatNotes {
                asked = $0
                return next.take()
            })
        try reactor.run {
            try await reactor.until { guests.present == 1 && subject.events == [.made] }
            let (mine, other) = (guests.all[0].transport, subject.transport)
            #expect(mine.peer == (try SocketAddress("127.0.0.1", port: port)))
            #expect((mine.host, mine.peer) == (other.peer, other.host))
            #expect(asked == other.peer)
            let copy = try #require(mine.fileDescriptor)
            #expect(copy != ours.descriptor)
            #expect(fcntl(copy, F_GETFD) & FD_CLOEXEC != 0)
            for descriptor in [copy, ours.descriptor] { #expect(fcntl(descriptor, F_GETFL) & O_NONBLOCK != 0) }
        }
        #expect((guests.starts, guests.stops) == (0, 0), "F1: the factory is in use by no port")
        guests.letGo()
    }

    private final class FactoryThatNotes: Factory {
        let make: (SocketAddress) -> Protocol?
        init(_ make: @escaping (SocketAddress) -> Protocol?) {
            self.make = make
            super.init()
        }
        override func buildProtocol(_ address: SocketAddress) -> Protocol? { make(address) }
    }

    @Test("S4: where the factory builds nothing for it the copy is closed")
    func refused() throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, theirs) = try Peer.pair()
        try reactor.adoptStreamConnection(ours.descriptor, Factory { nil })
        ours.close()
        #expect(theirs.sight == .nothing)
        try reactor.run { try await reactor.until { theirs.sight == .end } }
    }

    @Test("F7: while the reactor stops nothing is adopted, and nothing is kept open")
    func stopping() throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, theirs) = try Peer.pair()
        let (listener, _) = try Peer.listener()
        reactor.callWhenRunning { try reactor.stop() }
        reactor.addSystemEventTrigger(.during, .shutdown) {
            #expect(throws: ReactorNotRunning.self) {
                try reactor.adoptStreamConnection(ours.descriptor, Factory { Recorder() })
            }
            #expect(throws: ReactorNotRunning.self) { try reactor.adoptStreamPort(listener.descriptor, Factory()) }
        }
        try reactor.runWatched()
        ours.close()
        #expect(theirs.sight == .end)
    }

    @Test("F7, R4: one that was adopted just before the reactor stops is closed like the others")
    func stoppingAtOnce() throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, theirs) = try Peer.pair()
        let subject = Recorder()
        var next: Recorder? = subject
        reactor.callWhenRunning {
            try reactor.adoptStreamConnection(ours.descriptor, Factory { next.take() })
            ours.close()
            try reactor.stop()
        }
        try reactor.runWatched()
        #expect(subject.events == [.made, .lost])
        #expect(subject.reason is ConnectionDone)
        #expect(theirs.sight == .end)
    }

    @Test("F7: a connection adopted by a reactor that never runs is closed with it")
    func idleReactor() throws {
        let (ours, theirs) = try Peer.pair()
        try {
            let reactor = try Reactor(options: .forTests)
            try reactor.adoptStreamConnection(ours.descriptor, Factory { Recorder() })
            ours.close()
            #expect(theirs.sight == .nothing)
        }()
        #expect(theirs.sight == .end)
    }
}
