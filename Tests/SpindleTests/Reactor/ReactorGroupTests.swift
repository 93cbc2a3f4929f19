import CLinux
import Glibc
import Testing

@testable import Spindle

/// Rules R1, R2 and R4 of the contract where several reactors work together.
@Suite(.ownThreads) struct ReactorGroupTests {
    @Test("R1: each reactor runs on a thread of its own, and its factory is made and used there")
    func threads() throws {
        let group = try ReactorGroup(count: 3, options: .forTests)
        let crowd = Crowd()
        let homes = Lock<[Int]>([])
        group.forEach { _ in homes.withLock { $0.append(Int(spindle_thread_id())) } }
        let address = try group.listenTCP(0, interface: "127.0.0.1", sharing: .acceptor) { _ in crowd.makeFactory() }
        try group.run {
            let guests = try (0..<9).map { _ in try Peer.guest(at: address) }
            #expect(crowd.open.values.sorted() == [3, 3, 3])
            for guest in guests { guest.close() }
        }
        let own = Int(spindle_thread_id())
        #expect(Set(homes.withLock { $0 }).count == 3)
        #expect(!homes.withLock { $0 }.contains(own))
        #expect(Set(crowd.makers) == Set(homes.withLock { $0 }))
        #expect(crowd.makers.count == 3)
        #expect(crowd.strays == 0)
    }

    @Test("R1, F1: a group runs again; it listens anew, on the same port if that is wanted")
    func runsAgain() throws {
        let group = try ReactorGroup(count: 2, options: .forTests)
        let crowd = Crowd()
        let interface = Loopback.own()
        var port = 0
        for round in 1...3 {
            let address = try group.listenTCP(port, interface: interface) { _ in crowd.makeFactory() }
            port = try #require(address.port)
            try group.run { try Peer.guest(at: address).close() }
            #expect(crowd.starts == 2 * round)
            #expect(crowd.stops == 2 * round)
        }
    }

    @Test("R2: run() while running is an error")
    func runTwice() throws {
        let group = try ReactorGroup(count: 1, options: .forTests)
        try group.run {
            // Runs for certain.
            #expect(group.handles[0].answers())
            #expect(throws: ReactorAlreadyRunning.self) { try group.run() }
        }
    }

    @Test("R2: a group that was stopped before it runs, or twice, does what was asked of it and ends; and runs again")
    func stopEarly() throws {
        let group = try ReactorGroup(count: 2, options: .forTests)
        let calls = Lock(0)
        for _ in 0..<3 {
            group.forEach { _ in calls.withLock { $0 += 1 } }
            group.stop()
            group.stop()
            try group.run()
        }
        #expect(calls.withLock { $0 } == 6)
        // Nothing is left of all those stops.
        try group.run { for handle in group.handles { #expect(handle.answers()) } }
    }

    @Test("R2: one reactor that is stopped, in a callback or by its handle, stops them all")
    func stopOne() throws {
        for way in ["callback", "handle"] {
            let group = try ReactorGroup(count: 3, options: .forTests)
            let crowd = Crowd()
            let address = try group.listenTCP(0, interface: "127.0.0.1") { _ in crowd.makeFactory() }
            let thread = ScriptThread {
                do {
                    let (first, second) = (try Peer.guest(at: address), try Peer.guest(at: address))
                    if way == "callback" { try first.send("stop") } else { group.handles[1].stop() }
                    _ = (first.waitForEnd(), second.waitForEnd())
                } catch {
                    Issue.record(error)
                    group.stop()
                }
            }
            try group.run()
            thread.join()
            #expect(crowd.stops == 3)
        }
    }

    @Test("A group of none, or fewer, is an error that says so", arguments: [0, -1])
    func noReactors(count: Int) throws {
        let error = #expect(throws: InvalidReactorCount.self) { try ReactorGroup(count: count) }
        #expect(error?.description == "a group has at least one reactor, not \(count)")
    }

    @Test("R4: each reactor sends what its connections have pending, also when one was stopped before the others")
    func pendingOutput() throws {
        let group = try ReactorGroup(count: 3, options: .forTests)
        let crowd = Crowd()
        let greeting = [UInt8](repeating: 7, count: 4 << 20)
        let address = try group.listenTCP(0, interface: "127.0.0.1", sharing: .acceptor) { _ in
            crowd.makeFactory(greeting: greeting)
        }
        let thread = ScriptThread {
            do {
                let guests = try (0..<6).map { _ in try Peer.connect(to: address, receiveBuffer: 4096) }
                for guest in guests { try guest.peek(1) }
                #expect(crowd.open.values.sorted() == [2, 2, 2])
                group.handles[2].stop()
                for guest in guests { #expect(try guest.receiveToEnd().count == greeting.count) }
            } catch {
                Issue.record(error)
                group.stop()
            }
        }
        try group.run()
        thread.join()
        #expect(crowd.open.values.allSatisfy { $0 == 0 })
    }

    @Test("R4: a connection that cannot finish in time is aborted; the group ends")
    func grace() throws {
        var options = Reactor.Options.forTests
        options.shutdownGrace = .milliseconds(50)
        let group = try ReactorGroup(count: 2, options: options)
        let crowd = Crowd()
        let greeting = [UInt8](repeating: 7, count: 32 << 20)
        let address = try group.listenTCP(0, interface: "127.0.0.1", sharing: .acceptor) { _ in
            crowd.makeFactory(greeting: greeting)
        }
        let guests = Lock<[Peer]>([])
        try group.run {
            for _ in 0..<2 {
                let guest = try Peer.connect(to: address, receiveBuffer: 4096)
                try guest.peek(1)
                guests.withLock { $0.append(guest) }
            }
        }
        for guest in guests.withLock({ $0 }) { #expect(guest.waitUnread() == ECONNRESET) }
    }

    @Test("A reactor that fails ends the group with its error, and the others gracefully")
    func failure() throws {
        // One without a loop cannot run.
        let group = ReactorGroup(
            front: try Reactor(options: .forTests), [try Reactor(options: .forTests), Reactor.detached()])
        let crowd = Crowd()
        group.handles[0].callFromThread { reactor in
            try reactor.listenTCP(0, crowd.makeFactory(), interface: "127.0.0.1")
        }
        #expect(throws: ReactorNotRunning.self) { try group.run() }
        #expect(crowd.stops == 1)
    }

    @Test("A front that fails ends the group as well")
    func frontFailure() throws {
        let group = ReactorGroup(front: Reactor.detached(), [try Reactor(options: .forTests)])
        #expect(throws: ReactorNotRunning.self) { try group.run() }
        #expect(throws: ReactorNotRunning.self) { try group.run() }
    }

    @Test("next() goes round")
    func next() throws {
        let group = try ReactorGroup(count: 3, options: .forTests)
        let chosen = (0..<6).map { _ in group.next() }
        for handle in group.handles { #expect(chosen.count { $0 === handle } == 2) }
        #expect(chosen[0] === chosen[3])
    }

    @Test("S8: nothing keeps a group, run or not, nor its ports and factories")
    func leaks() throws {
        weak var group: ReactorGroup?
        let interface = Loopback.own()
        var former = SocketAddress.unspecified
        let live = Lock(0)
        for runs in [false, true] {
            do {
                let made = try ReactorGroup(count: 2, options: .forTests)
                group = made
                let address = try made.listenTCP(0, interface: interface, sharing: runs ? .kernel : .acceptor) { _ in
                    Factory { Counted(live) }
                }
                former = address
                if runs { try made.run { _ = try Peer.connect(to: address).close() } }
            }
            #expect(group == nil)
            #expect(live.withLock { $0 } == 0)
            #expect(throws: Peer.Failure.self) { _ = try Peer.connect(to: former) }
        }
    }

    private final class Counted: Protocol {
        let live: Lock<Int>
        init(_ live: Lock<Int>) {
            self.live = live
            super.init()
            live.withLock { $0 += 1 }
        }
        deinit { live.withLock { $0 -= 1 } }
    }

    @Test("The processors that may be used are counted, quotas included")
    func processors() {
        #expect(ReactorGroup.availableProcessors >= 1)
        #expect(ReactorGroup.availableProcessors <= sysconf(Int32(_SC_NPROCESSORS_CONF)))
        #expect(Processors.quota(in: "max 100000\n") == nil)
        #expect(Processors.quota(in: "150000 100000\n") == 1.5)
        for nonsense in ["", "1", "a b", "1 0", "1 2 3"] { #expect(Processors.quota(in: nonsense) == nil) }
    }
}

extension ReactorHandle {
    /// Whether the reactor does what it is told to.
    fileprivate func answers() -> Bool {
        let answer = Handoff()
        callFromThread { _ in answer.finish(true) }
        return answer.wait()
    }
}
