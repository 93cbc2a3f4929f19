import Glibc
import Spindle
import Testing

/// Options of connections: each is read back from the kernel, on the socket that it was meant for.
@Suite(.ownThreads) struct SocketOptionTests {
    /// An option, and what the kernel says once it is set.
    struct Setting: CustomTestStringConvertible, Sendable {
        let option: SocketOption
        let level: CInt
        let name: CInt
        let value: CInt
        var isTCP = true

        var testDescription: String { "\(option), \(name) = \(value)" }

        static let tcp = CInt(IPPROTO_TCP)

        static let all: [Setting] = [
            Setting(option: .noDelay(true), level: tcp, name: TCP_NODELAY, value: 1),
            Setting(option: .noDelay(false), level: tcp, name: TCP_NODELAY, value: 0),
            Setting(option: .keepAlive(true), level: SOL_SOCKET, name: SO_KEEPALIVE, value: 1, isTCP: false),
            Setting(option: .keepAlive(false), level: SOL_SOCKET, name: SO_KEEPALIVE, value: 0, isTCP: false),
            Setting(option: probes, level: SOL_SOCKET, name: SO_KEEPALIVE, value: 1),
            // Rounded up.
            Setting(option: probes, level: tcp, name: TCP_KEEPIDLE, value: 62),
            Setting(option: probes, level: tcp, name: TCP_KEEPINTVL, value: 1),
            Setting(option: probes, level: tcp, name: TCP_KEEPCNT, value: 7),
            Setting(option: .userTimeout(.seconds(20)), level: tcp, name: TCP_USER_TIMEOUT, value: 20_000),
            Setting(option: .userTimeout(.microseconds(1500)), level: tcp, name: TCP_USER_TIMEOUT, value: 2),
            Setting(option: .userTimeout(.zero), level: tcp, name: TCP_USER_TIMEOUT, value: 0),
            Setting(
                option: .userTimeout(.seconds(Int64.max / 2)), level: tcp, name: TCP_USER_TIMEOUT, value: CInt.max),
            // The kernel doubles these.
            Setting(option: .sendBufferSize(30_000), level: SOL_SOCKET, name: SO_SNDBUF, value: 60_000, isTCP: false),
            Setting(
                option: .receiveBufferSize(30_000), level: SOL_SOCKET, name: SO_RCVBUF, value: 60_000, isTCP: false),
            // Of l_onoff and l_linger this reads the first.
            Setting(option: .linger(.reset), level: SOL_SOCKET, name: SO_LINGER, value: 1, isTCP: false),
            Setting(option: .linger(.inBackground), level: SOL_SOCKET, name: SO_LINGER, value: 0, isTCP: false),
        ]
        private static let probes = SocketOption.keepAlive(
            idle: .milliseconds(61_001), interval: .milliseconds(1), count: 7)
    }

    @Test("transport.set, read back", arguments: StreamKind.withSocket)
    func set(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onMade = { me in
            let descriptor = try #require(me.transport.fileDescriptor)
            for setting in Setting.all where !kind.isUNIX || !setting.isTCP {
                try me.transport.set(setting.option)
                #expect(
                    Peer.option(setting.level, setting.name, of: descriptor) == setting.value,
                    "\(setting.testDescription)")
            }
            me.transport.loseConnection()
        }
        try kind.run(subject) { peer in #expect(peer.waitForEnd() == 0) }
        #expect(subject.reason is ConnectionDone)
    }

    @Test("what the kernel refuses is an error that names the option", arguments: StreamKind.withSocket)
    func refused(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onMade = { me in
            for count in [0, 1000, Int.max] {
                let error = #expect(throws: SystemError.self) {
                    try me.transport.set(.keepAlive(idle: .seconds(1), interval: .seconds(1), count: count))
                }
                #expect(error?.call == "setsockopt (keepAlive)")
                #expect(error?.errno == (kind.isUNIX ? EOPNOTSUPP : EINVAL))
            }
            if kind.isUNIX {
                for option in [SocketOption.noDelay(true), .userTimeout(.seconds(1))] {
                    let error = #expect(throws: SystemError.self) { try me.transport.set(option) }
                    #expect(error?.description == "setsockopt (\(option)): Operation not supported")
                }
            }
            me.transport.loseConnection()
        }
        try kind.run(subject) { peer in #expect(peer.waitForEnd() == 0) }
        #expect(subject.reason is ConnectionDone)
    }

    @Test("noDelay and keepAlive, as properties", arguments: StreamKind.withSocket)
    func properties(kind: StreamKind) throws {
        let subject = Recorder()
        subject.onMade = { me in
            let descriptor = try #require(me.transport.fileDescriptor)
            for isOn in [true, false, true] {
                me.transport.keepAlive = isOn
                #expect(me.transport.keepAlive == isOn)
                #expect(Peer.option(SOL_SOCKET, SO_KEEPALIVE, of: descriptor) == (isOn ? 1 : 0))
                me.transport.noDelay = isOn
                #expect(me.transport.noDelay == (isOn && !kind.isUNIX))
            }
            me.transport.loseConnection()
        }
        try kind.run(subject) { peer in #expect(peer.waitForEnd() == 0) }
    }

    @Test(
        "S6: after the end there is no descriptor, and options are set to no effect",
        arguments: StreamKind.withSocket)
    func afterTheEnd(kind: StreamKind) throws {
        let subject = Recorder()
        var descriptor: CInt?
        subject.onMade = { me in descriptor = me.transport.fileDescriptor }
        subject.onLost = { me in
            #expect(me.transport.fileDescriptor == nil)
            #expect(throws: Never.self) { try me.transport.set(.noDelay(true)) }
            #expect(!me.transport.noDelay && !me.transport.keepAlive)
        }
        try kind.run(subject) { peer in try peer.send("x") }
        #expect(descriptor != nil)
        #expect(throws: Never.self) { try subject.transport.set(.linger(.reset)) }
    }

    @Test("listenTCP and connectTCP: the options of connections, read back on both sides", arguments: Setting.all)
    func fromTheStart(setting: Setting) throws {
        let reactor = try Reactor(options: .forTests)
        let guests = Guests()
        var options = ListenOptions()
        #expect(options.connections == [.noDelay(true)])
        options.connections = [setting.option]
        let port = try reactor.listenTCP(0, guests, interface: "127.0.0.1", options: options)
        let client = Recorder()
        let factory = NotingClientFactory(client)
        try reactor.run {
            reactor.connectTCP("127.0.0.1", port.address.port ?? 0, factory, options: [setting.option])
            try await reactor.until { guests.present == 1 && client.events == [.made] }
            for transport in [guests.all[0].transport, client.transport] {
                #expect(Peer.option(setting.level, setting.name, of: transport.fileDescriptor ?? -1) == setting.value)
            }
        }
        guests.letGo()
        factory.letGo()
    }

    @Test("connectTCP: an option that the kernel refuses fails the attempt, and is named")
    func connectingRefused() throws {
        let reactor = try Reactor(options: .forTests)
        let port = try reactor.listenTCP(0, Factory(), interface: "127.0.0.1")
        let factory = NotingClientFactory()
        factory.onFailed = { _ in try reactor.stop() }
        reactor.connectTCP(
            "127.0.0.1", port.address.port ?? 0, factory,
            options: [.keepAlive(idle: .zero, interval: .zero, count: -1)])
        try reactor.runWatched()
        #expect(factory.failure as? SystemError == SystemError(EINVAL, "setsockopt (keepAlive)"))
        factory.letGo()
    }
}
