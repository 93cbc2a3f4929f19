import CLibEvent
import Glibc
import Spindle
import Testing

/// Rule I1: a reactor leaves its adopted base, and what is asked of it after that.
@Suite(.ownThreads) struct InvalidatingTests {
    /// Something of each kind, all of it open.
    private final class Household {
        let host = HostProgram()
        let reactor: Reactor
        let recorder = Recorder()
        let peer: Peer
        let later: DelayedCall
        var taskEnd: (any Error)?

        init() throws {
            reactor = try host.adopt()
            peer = try recorder.serveOneOfAPair(on: reactor)
            try reactor.listenTCP(0, Factory { Recorder() }, interface: "127.0.0.1")
            later = reactor.callLater(.seconds(100)) {}
            reactor.spawn { [reactor] in try await reactor.sleep(.seconds(100)).value() }
                .addErrback { [unowned self] in taskEnd = $0 }
            // Paused, with something unread: it is the hang-up watch that has it.
            try peer.send("unread")
            recorder.onData = { me, _ in me.transport.pauseProducing() }
            while recorder.received.isEmpty { host.poll() }
            try peer.send("more")
            host.poll()
        }

        func end() {
            peer.close()
            host.free()
        }
    }

    @Test("I1: invalidate() leaves nothing on the base, and everybody hears of the end before it returns")
    func leaves() throws {
        let household = try Household()
        let (host, reactor) = (household.host, household.reactor)
        #expect(host.eventCount > 0)
        reactor.invalidate()
        #expect(host.eventCount == 0)
        #expect(household.recorder.losses == 1)
        #expect(household.recorder.reason is ConnectionAborted)
        #expect(household.taskEnd is CancellationError || household.taskEnd is CancelledError)
        #expect(!household.later.isActive)
        reactor.invalidate()
        #expect(host.dispatch() == 1)
        household.end()
    }

    @Test("I1: invalidated by one of its own callbacks, it is gone when that has returned")
    func fromInside() throws {
        let household = try Household()
        let (host, reactor) = (household.host, household.reactor)
        var lossesInside: Int?
        reactor.callLater(.zero) {
            reactor.invalidate()
            lossesInside = household.recorder.losses
            #expect(throws: ReactorInvalidated.self) { try reactor.listenTCP(0, Factory { nil }) }
        }
        #expect(host.dispatch() == 1)
        #expect(lossesInside == 0)
        #expect(household.recorder.losses == 1)
        #expect(host.eventCount == 0)
        household.end()
    }

    @Test("I1: the last reference to it may be the one that its own callback had")
    func lastReference() throws {
        let host = HostProgram()
        weak var kept: Reactor?
        let (ours, peer) = try Peer.pair()
        do {
            let reactor = try host.adopt()
            kept = reactor
            try reactor.adoptStreamConnection(
                ours.descriptor,
                Factory {
                    let recorder = Recorder()
                    recorder.onData = { me, _ in me.reactor.invalidate() }
                    return recorder
                })
            ours.close()
        }
        try peer.send("x")
        #expect(host.dispatch() == 1)
        #expect(kept == nil)
        peer.close()
        host.free()
    }

    @Test("I1: what is asked of an invalidated reactor is a clear error, whoever asks")
    func afterwards() throws {
        let log = CapturedLog()
        let host = HostProgram()
        let reactor = try host.adopt { $0.logger = log.logger }
        host.poll()
        reactor.invalidate()
        host.free()
        #expect(reactor.eventBase == nil)
        #expect(throws: ReactorInvalidated.self) { try reactor.listenTCP(0, Factory { nil }) }
        #expect(throws: ReactorInvalidated.self) { try reactor.run() }
        #expect(throws: ReactorInvalidated.self) { try reactor.serveMainQueue() }
        #expect(throws: ReactorInvalidated.self) { try reactor.addSignalHandler(SIGURG) {} }
        #expect(throws: ReactorInvalidated.self) { try reactor.adoptStreamConnection(0, Factory { nil }) }
        #expect(throws: ReactorNotRunning.self) { try reactor.stop() }
        var failures: [any Error] = []
        TCP4ClientEndpoint(reactor, "127.0.0.1", 1).connect(Factory { nil }).addErrback { failures.append($0) }
        reactor.deferToThread { 1 }.addErrback {
            failures.append($0)
            return 0
        }
        reactor.spawn { 1 }.addErrback {
            failures.append($0)
            return 0
        }
        #expect(failures.count == 3)
        #expect(failures.allSatisfy { $0 is ReactorInvalidated })
        reactor.callLater(.zero) {}
        #expect(log.lines.contains { $0.contains("callLater") && $0.contains("invalidated") })
        reactor.handle.callFromThread { _ in Issue.record("nobody makes this call") }
        #expect(reactor.describe().contains("invalidated"))
    }

    @Test("I1: an adopted reactor is kept until it is invalidated, and found by its base")
    func lifetime() throws {
        let host = HostProgram()
        weak var kept: Reactor?
        do {
            let reactor = try host.adopt()
            kept = reactor
            #expect(Reactor.adopted(on: host.base) === reactor)
            let error = #expect(throws: CannotAdoptBaseError.self) { try Reactor(adopting: host.base) }
            #expect(error?.reason == .adoptedAlready)
        }
        host.poll()
        #expect(kept != nil)
        kept?.invalidate()
        #expect(kept == nil)
        #expect(Reactor.adopted(on: host.base) == nil)
        // And another one in its place.
        try host.adopt().invalidate()
        host.free()
    }

    @Test("I1: NULL is an error")
    func null() {
        let error = #expect(throws: CannotAdoptBaseError.self) { try Reactor(adopting: nil) }
        #expect(error?.reason == .null)
        #expect(Reactor.adopted(on: nil) == nil)
    }
}
