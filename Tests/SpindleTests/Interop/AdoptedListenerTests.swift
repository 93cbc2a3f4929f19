import CLibEvent
import Glibc
import Testing

@testable import Spindle

/// A C program's evconnlistener, served by a factory. What holds for every port is tested with the other kinds.
@Suite(.ownThreads) struct AdoptedListenerTests {
    @Test("I1: connections go to the factory instead of C; given back, they go to C again", arguments: [true, false])
    func thereAndBack(isEnabled: Bool) throws {
        let reactor = try Reactor(options: .forTests)
        let guests = Guests()
        let (socket, number) = try Peer.listener()
        let address = try SocketAddress("127.0.0.1", port: number)
        let listener = try CListener(reactor.eventBase, socket.descriptor, isEnabled: isEnabled)
        socket.close()
        let port = try reactor.adopt(listener: listener.raw, factory: guests)
        #expect(port.address == address)
        #expect(port.fileDescriptor == listener.descriptor)
        #expect((guests.starts, guests.stops) == (1, 0))
        try reactor.run {
            let first = try Peer.connect(to: address)
            try first.send("x")
            try await reactor.until { first.sight == .text("x") }
            #expect(listener.accepted == 0)
            let given = try port.detachListener()
            #expect(given == listener.raw)
            #expect(!port.isListening && port.fileDescriptor == nil)
            #expect((guests.starts, guests.stops) == (1, 1))
            // Nobody is called, and nobody is lost.
            let second = try Peer.connect(to: address)
            for _ in 0..<10 { try await reactor.sleep(.zero).value() }
            #expect(second.sight == .nothing)
            listener.takeBack()
            try await reactor.until { second.sight == .end }
            #expect(listener.accepted == 1)
            // Those from before live on.
            _ = try first.receive(1)
            try first.send("y")
            try await reactor.until { first.sight == .text("y") }
            // It may be adopted anew.
            let again = try reactor.adopt(listener: listener.raw, factory: guests)
            let third = try Peer.connect(to: address)
            try third.send("z")
            try await reactor.until { third.sight == .text("z") }
            #expect(listener.accepted == 1)
            again.stopListening()
        }
        #expect(throws: CannotDetachListenerError.self) { try port.detachListener() }
        guests.letGo()
    }

    @Test("F3: stopping frees it, and closes its socket if C had made it so", arguments: [true, false])
    func stopping(closesOnFree: Bool) throws {
        let reactor = try Reactor(options: .forTests)
        let (socket, number) = try Peer.listener()
        let address = try SocketAddress("127.0.0.1", port: number)
        let listener = try CListener(reactor.eventBase, socket.descriptor, closesOnFree: closesOnFree)
        socket.close()
        let port = try reactor.adopt(listener: listener.raw, factory: Factory())
        port.stopListening()
        #expect(throws: CannotDetachListenerError.self) { try port.detachListener() }
        if closesOnFree {
            #expect(throws: Peer.Failure.self) { _ = try Peer.connect(to: address) }
        } else {
            _ = try Peer.connect(to: address)
            #expect(close(listener.descriptor) == 0)
        }
    }

    @Test("S9: what it accepts is non-blocking and close-on-exec, whatever C had in mind for it")
    func flags() throws {
        let reactor = try Reactor(options: .forTests)
        let guests = Guests()
        let (socket, _) = try Peer.listener()
        let port = try reactor.adopt(
            listener: CListener(reactor.eventBase, socket.descriptor).raw, factory: guests)
        #expect(fcntl(port.fileDescriptor ?? -1, F_GETFL) & O_NONBLOCK != 0)
        try reactor.run {
            let peer = try Peer.connect(to: port.address)
            try await reactor.until { guests.all.count == 1 }
            let descriptor = try #require(guests.all[0].transport.fileDescriptor)
            #expect(fcntl(descriptor, F_GETFL) & O_NONBLOCK != 0)
            #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
            withExtendedLifetime(peer) {}
        }
        guests.letGo()
    }

    @Test("F3: it may be given back from inside the factory, in the middle of a crowd")
    func detachedInsideTheFactory() throws {
        let reactor = try Reactor(options: .forTests)
        let guests = Guests()
        let (socket, _) = try Peer.listener()
        let listener = try CListener(reactor.eventBase, socket.descriptor)
        let port = try reactor.adopt(listener: listener.raw, factory: guests)
        guests.onBuild = { _ in
            #expect(throws: Never.self) { _ = try port.detachListener() }
            listener.takeBack()
        }
        try reactor.run {
            let peers = try (0..<5).map { _ in try Peer.connect(to: port.address) }
            try peers[0].send("x")
            try await reactor.until { peers[0].sight == .text("x") }
            try await reactor.until { listener.accepted == 4 }
            #expect(guests.all.count == 1 && port.connectionCount == 1)
        }
        evconnlistener_free(listener.raw)
        guests.letGo()
    }

    @Test("errors say what is wrong, and leave C's listener as it was")
    func errors() throws {
        let reactor = try Reactor(options: .forTests)
        let other = try Reactor(options: .forTests)
        let guests = Guests()
        func reason(_ raw: OpaquePointer?, on reactor: Reactor) -> CannotAdoptListenerError.Reason? {
            #expect(throws: CannotAdoptListenerError.self) {
                _ = try reactor.adopt(listener: raw, factory: guests)
            }?.reason
        }
        let (socket, number) = try Peer.listener()
        let address = try SocketAddress("127.0.0.1", port: number)
        let listener = try CListener(reactor.eventBase, socket.descriptor)
        #expect(reason(nil, on: reactor) == .null)
        #expect(reason(listener.raw, on: other) == .otherBase)
        let port = try reactor.adopt(listener: listener.raw, factory: guests)
        #expect(reason(listener.raw, on: reactor) == .alreadyAdopted)
        #expect(try port.detachListener() == listener.raw)
        let plain = try reactor.listenTCP(0, guests, interface: "127.0.0.1")
        #expect(throws: CannotDetachListenerError.self) { try plain.detachListener() }
        #expect(plain.isListening)
        plain.stopListening()
        // A UDP socket, and one that does not listen.
        for type in [SOCK_DGRAM, SOCK_STREAM] {
            let descriptor = Glibc.socket(AF_INET, Int32(type.rawValue), 0)
            let bad = try CListener(reactor.eventBase, descriptor, isEnabled: false)
            close(descriptor)
            let error = #expect(throws: CannotListenError.self) {
                _ = try reactor.adopt(listener: bad.raw, factory: guests)
            }
            #expect(error?.place == .descriptor(bad.descriptor))
            #expect(error?.errno == (type == SOCK_DGRAM ? EPROTOTYPE : EINVAL))
            evconnlistener_free(bad.raw)
        }
        listener.takeBack()
        try reactor.run {
            let peer = try Peer.connect(to: address)
            try await reactor.until { peer.sight == .end }
            #expect(listener.accepted == 1)
        }
        evconnlistener_free(listener.raw)
        #expect((guests.starts, guests.stops) == (4, 4))
        #expect(
            "\(CannotAdoptListenerError(reason: .otherBase))"
                == "cannot adopt the evconnlistener: it is on another event_base than the reactor's")
    }

    @Test("another thread's call is an error, and so is one while the reactor stops")
    func wrongTime() throws {
        let reactor = try Reactor(options: .forTests)
        let (socket, _) = try Peer.listener()
        let listener = try CListener(reactor.eventBase, socket.descriptor)
        struct Carried: @unchecked Sendable {
            let reactor: Reactor
            let raw: OpaquePointer
        }
        let carried = Carried(reactor: reactor, raw: listener.raw)
        let thread = ScriptThread {
            let error = #expect(throws: CannotAdoptListenerError.self) {
                _ = try carried.reactor.adopt(listener: carried.raw, factory: Factory())
            }
            #expect(error?.reason == .wrongThread)
        }
        thread.join()
        reactor.addSystemEventTrigger(.during, .shutdown) {
            #expect(throws: ReactorNotRunning.self) {
                _ = try reactor.adopt(listener: listener.raw, factory: Factory())
            }
        }
        try reactor.run {}
        evconnlistener_free(listener.raw)
    }

    @Test("R4: a reactor that stops frees what it has adopted, and is let go")
    func reactorStops() throws {
        weak var gone: Reactor?
        let (socket, number) = try Peer.listener()
        do {
            let reactor = try Reactor(options: .forTests)
            gone = reactor
            let raw = try CListener(reactor.eventBase, socket.descriptor).raw
            try reactor.adopt(listener: raw, factory: Factory { Recorder.echo() })
            socket.close()
            try reactor.run {}
        }
        #expect(gone == nil)
        #expect(throws: Peer.Failure.self) { _ = try Peer.connect(to: SocketAddress("127.0.0.1", port: number)) }
    }
}
