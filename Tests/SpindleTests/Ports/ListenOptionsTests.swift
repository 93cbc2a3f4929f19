import Glibc
import Spindle
import Testing

/// F2 of the contract, with ListenOptions: how a port listens.
@Suite(.ownThreads) struct ListenOptionsTests {
    private static let loopback = "127.0.0.1"

    private func options(_ change: (inout ListenOptions) -> Void) -> ListenOptions {
        var options = ListenOptions()
        change(&options)
        return options
    }

    private func errno(of body: () throws -> Void) -> CInt? {
        do { try body() } catch { return (error as? CannotListenError)?.errno }
        return 0
    }

    @Test("reusePort: two ports on one number, if both want it; either serves")
    func reusePort() throws {
        let reactor = try Reactor(options: .forTests)
        let shared = options { $0.reusePort = true }
        let guests = [Guests(), Guests()]
        let first = try reactor.listenTCP(0, guests[0], interface: Self.loopback, options: shared)
        let number = try #require(first.address.port)
        #expect(errno { try reactor.listenTCP(number, Factory(), interface: Self.loopback) } == EADDRINUSE)
        let second = try reactor.listenTCP(number, guests[1], interface: Self.loopback, options: shared)
        #expect(second.address == first.address)
        try reactor.run {
            let peers = try (0..<20).map { _ in try Peer.connect(to: first.address) }
            try await reactor.until { guests[0].present + guests[1].present == peers.count }
            // Whoever is left has them all.
            first.stopListening()
            let late = try Peer.connect(to: second.address)
            try late.send("x")
            try await reactor.until { late.sight == .text("x") }
        }
        for guest in guests { guest.letGo() }
        let alone = try reactor.listenTCP(0, Factory(), interface: Self.loopback)
        let taken = try #require(alone.address.port)
        #expect(
            errno { try reactor.listenTCP(taken, Factory(), interface: Self.loopback, options: shared) } == EADDRINUSE)
        alone.stopListening()
    }

    @Test(
        "reuseAddress: a port is taken again while old connections of it are there, unless switched off",
        arguments: [true, false])
    func reuseAddress(isOn: Bool) throws {
        let reactor = try Reactor(options: .forTests)
        let guests = Guests()
        let port = try reactor.listenTCP(
            0, guests, interface: Loopback.own(), options: options { if !isOn { $0.reuseAddress = false } })
        #expect((Peer.option(SOL_SOCKET, SO_REUSEADDR, of: port.fileDescriptor ?? -1) == 1) == isOn)
        try reactor.run {
            let peer = try Peer.connect(to: port.address)
            try await reactor.until { guests.present == 1 }
            port.stopListening()
            #expect(errno { try port.startListening() } == (isOn ? 0 : EADDRINUSE))
            #expect(port.isListening == isOn)
            try peer.send("x")
            try await reactor.until { peer.sight == .text("x") }
        }
        #expect(guests.starts == guests.stops)
        guests.letGo()
    }

    @Test("dualStack: the IPv6 wildcard takes IPv4 connections, or leaves them to others", arguments: [true, false])
    func dualStack(isOn: Bool) throws {
        let reactor = try Reactor(options: .forTests)
        let guests = Guests()
        let others = Guests()
        var number = 0
        // That a number is free for IPv6 says nothing about IPv4, which is why there are several attempts.
        for _ in 0..<20 {
            let port = try reactor.listenTCP(0, guests, interface: "::", options: options { $0.dualStack = isOn })
            number = try #require(port.address.port)
            #expect(Peer.option(CInt(IPPROTO_IPV6), IPV6_V6ONLY, of: port.fileDescriptor ?? -1) == (isOn ? 0 : 1))
            let result = errno { try reactor.listenTCP(number, others, interface: "0.0.0.0") }
            if isOn { #expect(result == EADDRINUSE) }
            if isOn || result == 0 { break }
            port.stopListening()
        }
        try reactor.run {
            for host in ["127.0.0.1", "::1"] {
                let peer = try Peer.connect(to: SocketAddress(host, port: number))
                try peer.send("x")
                try await reactor.until { peer.sight == .text("x") }
            }
        }
        #expect((guests.all.count, others.all.count) == (isOn ? (2, 0) : (1, 1)))
        guests.letGo()
        others.letGo()
    }

    @Test("dualStack means nothing to a port of IPv4", arguments: [true, false])
    func dualStackOfIPv4(isOn: Bool) throws {
        let reactor = try Reactor(options: .forTests)
        let port = try reactor.listenTCP(
            0, Factory(), interface: Self.loopback, options: options { $0.dualStack = isOn })
        #expect(port.isListening)
        port.stopListening()
    }

    @Test("deferAccept: who says nothing is not let in")
    func deferAccept() throws {
        let reactor = try Reactor(options: .forTests)
        let guests = Guests()
        let port = try reactor.listenTCP(
            0, guests, interface: Self.loopback, options: options { $0.deferAccept = .seconds(100) })
        #expect(try #require(Peer.option(CInt(IPPROTO_TCP), TCP_DEFER_ACCEPT, of: port.fileDescriptor ?? -1)) > 0)
        try reactor.run {
            let silent = try Peer.connect(to: port.address)
            let talking = try Peer.connect(to: port.address)
            try talking.send("x")
            try await reactor.until { talking.sight == .text("x") }
            #expect(guests.all.count == 1)
            try silent.send("y")
            try await reactor.until { silent.sight == .text("y") }
            #expect(guests.all.count == 2)
        }
        guests.letGo()
    }

    @Test("F2: an option that the kernel refuses is a CannotListenError that names it; the factory is let go")
    func refused() throws {
        let reactor = try Reactor(options: .forTests)
        let guests = Guests()
        let impossible = options {
            $0.connections = [.keepAlive(idle: .seconds(1), interval: .seconds(1), count: 1000)]
        }
        let error = #expect(throws: CannotListenError.self) {
            try reactor.listenTCP(0, guests, interface: Self.loopback, options: impossible)
        }
        #expect(error?.errno == EINVAL)
        #expect(error?.description == "cannot listen on 127.0.0.1:0: setsockopt (keepAlive): Invalid argument")
        #expect((guests.starts, guests.stops) == (1, 1))
    }
}
