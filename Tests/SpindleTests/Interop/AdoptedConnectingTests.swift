import CLibEvent
import Glibc
import Testing

@testable import Spindle

/// I2, S1: bufferevents whose connection C code has begun to make.
@Suite(.ownThreads) struct AdoptedConnectingTests {
    /// Has C begin to connect to an address, and adopts that; returns how `whenConnected` ended.
    private func connect(
        to address: SocketAddress, _ subject: Recorder, writesAreOff: Bool = false, options: Int32 = 0
    ) throws -> (any Error)? {
        let reactor = try Reactor(options: .forTests)
        let raw = bufferevent_socket_new(reactor.eventBase, -1, options)
        if writesAreOff { bufferevent_disable(raw, Int16(EV_WRITE)) }
        _ = address.withSockaddr { bufferevent_socket_connect(raw, $0, CInt($1)) }
        bufferevent_write(raw, "C", 1)
        var failure: (any Error)?
        let transport = try reactor.adopt(bufferEvent: raw, protocol: subject)
        transport.whenConnected().addBoth { result in
            if case .failure(let error) = result {
                failure = error
                try? reactor.stop()
            } else {
                #expect(subject.events == [.made])
            }
        }
        subject.onLost = { me in try? me.reactor.stop() }
        try reactor.runWatched()
        return failure
    }

    @Test(
        "S1: connectionMade comes when C's attempt succeeds, and what C wrote before leaves first",
        arguments: [true, false])
    func connects(writesAreOff: Bool) throws {
        let (listener, port) = try Peer.listener()
        defer { listener.close() }
        let said = Lock("")
        let server = ScriptThread {
            guard let peer = try? listener.accept() else { return }
            let text = (try? peer.receiveText(6)) ?? "nothing"
            said.withLock { $0 = text }
            peer.close()
        }
        let subject = Recorder()
        subject.onMade = { me in me.transport.write("Swift") }
        let failure = try connect(to: SocketAddress("127.0.0.1", port: port), subject, writesAreOff: writesAreOff)
        server.join()
        #expect(failure == nil)
        #expect(said.withLock { $0 } == "CSwift")
        #expect(subject.reason is ConnectionDone)
    }

    @Test(
        "S1: a UNIX socket is connected at once, and libevent's order of callbacks does no harm",
        arguments: [true, false])
    func unix(writesAreOff: Bool) throws {
        try TemporaryDirectory.with { directory in
            let path = directory.file("socket")
            let listener = try Peer.listener(at: path)
            defer { listener.close() }
            let server = ScriptThread {
                guard let peer = try? listener.accept() else { return }
                _ = try? peer.receive(6)
                peer.close()
            }
            let subject = Recorder()
            subject.onMade = { me in me.transport.write("Swift") }
            let failure = try connect(to: SocketAddress(unix: path), subject, writesAreOff: writesAreOff)
            server.join()
            #expect(failure == nil)
            #expect(subject.events == [.made, .lost])
        }
    }

    @Test("F4: an attempt that fails is a typed error of whenConnected; the protocol hears nothing", arguments: [0, 4])
    func refused(options: Int32) throws {
        let (listener, port) = try Peer.listener()
        listener.close()
        let subject = Recorder()
        let failure = try connect(to: SocketAddress("127.0.0.1", port: port), subject, options: options)
        #expect(failure is ConnectionRefusedError)
        // Only C knows where to.
        #expect(failure.map { "\($0)" } == "cannot connect: Connection refused")
        #expect(subject.events.isEmpty)
    }

    @Test("F4: loseConnection gives an attempt up, here one whose name C is still looking up")
    func givenUp() throws {
        let reactor = try Reactor(options: .forTests)
        let subject = Recorder()
        var failure: (any Error)?
        let raw = bufferevent_socket_new(reactor.eventBase, -1, 0)
        let transport = try reactor.adopt(bufferEvent: raw, protocol: subject)
        #expect(!transport.isConnected)
        transport.whenConnected().addErrback { error in
            failure = error
            try? reactor.stop()
        }
        reactor.callWhenRunning { transport.loseConnection() }
        try reactor.runWatched()
        #expect(failure is ConnectionAborted)
        #expect(subject.events.isEmpty)
    }
}
