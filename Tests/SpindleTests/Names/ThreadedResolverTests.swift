import Glibc
import Testing

@testable import Spindle

/// Rules F4 and H2: names, looked up on threads.
@Suite(.ownThreads) struct ThreadedResolverTests {
    @Test("F4: what needs no look-up") func numeric() throws {
        try ResolverRules.checkWhatNeedsNoLookUp(ThreadedResolver(threadLimit: 1) { _, _ in fatalError("asked") })
    }

    @Test("F4: /etc/hosts") func hostsFile() throws { try ResolverRules.checkHostsFile(ThreadedResolver()) }

    @Test("F4: an answer of the system's keeps its scope")
    func scope() throws {
        // Asked past `resolve`, which would not ask for an address.
        let answer = try SystemLookUp.ask("fe80::7%lo", .ipv6).get()
        #expect(answer == [try SocketAddress("fe80::7%lo", port: 0)])
        // Exists, but not in this family.
        #expect(try SystemLookUp.ask("fe80::7%lo", .ipv4).get() == [])
    }

    @Test("F4: a name that nobody has is an error with the system's words")
    func unknown() throws {
        // No label is as long as this, so no name server is asked.
        let name = String(repeating: "x", count: 64) + ".invalid"
        let error = try ResolverRules.answer(ThreadedResolver(), name).failure as? DNSLookupError
        #expect(error?.name == name)
        let words = [EAI_NONAME, EAI_FAIL, EAI_AGAIN].map { String(cString: gai_strerror($0)) }
        #expect(words.contains(error?.reason ?? ""), "\(error?.reason ?? "no error")")
    }

    @Test(
        "F4: a name that is not ASCII is converted",
        .enabled(if: dlopen("libidn2.so.0", RTLD_LAZY) != nil, "glibc does this with libidn2"))
    func international() throws {
        // Letters of full width: what they are converted to is the name of this machine.
        let answer = try ResolverRules.answer(ThreadedResolver(), "ｌｏｃａｌｈｏｓｔ").get()
        #expect(answer.contains(try SocketAddress("127.0.0.1", port: 80)))
    }

    @Test("H2: a slow look-up keeps none waiting until all threads are slow; no more threads than the limit")
    func slowLookUps() throws {
        let gate = Gate()
        let resolver = ThreadedResolver(threadLimit: 3) { name, _ in
            gate.pass(name)
            return .success([.unspecified])
        }
        let reactor = try Reactor(options: .forTests)
        var answered: [String] = []
        func ask(_ name: String, then body: @escaping () throws -> Void = {}) {
            resolver.lookUp(name, .ipv4, on: reactor).addCallback { _ -> Void in
                answered.append(name)
                try body()
            }.addErrback { error in _ = Issue.record(error) }
        }
        gate.close("slow 1", "slow 2", "slow 3")
        ask("slow 1")
        ask("slow 2")
        // The third thread is free for all the others.
        for number in 1...50 {
            ask("quick \(number)") {
                guard answered.count == 50 else { return }
                ask("slow 3")
                ask("late")
                reactor.callLater(.milliseconds(20)) {
                    #expect(answered.count == 50, "one more than the limit was under way")
                    gate.open()
                }
            }
        }
        reactor.poll { answered.count == 54 }
        try reactor.runWatched()
        #expect(gate.most <= 3)
        #expect(answered.prefix(50).allSatisfy { $0.hasPrefix("quick") })
        #expect(Set(answered).count == 54)
    }

    @Test("H2: threads are made when needed and are gone afterwards")
    func threadCount() throws {
        let resolver = ThreadedResolver(threadLimit: 4) { _, _ in .success([.unspecified]) }
        #expect(resolver.statistics.threads == 0)
        let reactor = try Reactor(options: .forTests)
        var answers = 0
        for _ in 0..<100 {
            resolver.lookUp("name", .ipv4, on: reactor).addCallback { _ -> Void in answers += 1 }
        }
        reactor.poll { answers == 100 && resolver.statistics.threads == 0 }
        try reactor.runWatched()
        #expect(resolver.statistics.completed == 100)
    }

    @Test("F4: a look-up that the kernel has no thread for fails, and says so")
    func noThread() throws {
        let resolver = ThreadedResolver(
            threadLimit: 4, ask: { _, _ in fatalError("asked") }, start: { _ in SystemError(EAGAIN, "pthread_create") })
        let error = try ResolverRules.answer(resolver, "name").failure as? DNSLookupError
        #expect(error == DNSLookupError(name: "name", reason: "\(SystemError(EAGAIN, "pthread_create"))"))
    }

    @Test("H2: cancelling one that waits drops it, one that is under way drops its answer; both at once")
    func cancelling() throws {
        let gate = Gate()
        let resolver = ThreadedResolver(threadLimit: 1) { name, _ in
            gate.pass(name)
            return .success([.unspecified])
        }
        let reactor = try Reactor(options: .forTests)
        var outcome: [String] = []
        func ask(_ name: String) -> Deferred<Void> {
            resolver.lookUp(name, .ipv4, on: reactor).addBoth { result in
                outcome.append("\(name): \(result.failure.map { "\($0)" } ?? "answered")")
            }
        }
        gate.close("begun")
        let begun = ask("begun")
        let waiting = ask("waiting")
        let last = ask("last")
        reactor.poll {
            guard gate.names == ["begun"] else { return false }
            waiting.cancel()
            begun.cancel()
            #expect(outcome == ["waiting: cancelled", "begun: cancelled"], "not at once")
            gate.open()
            last.addCallback { try reactor.stop() }
            return nil
        }
        try reactor.runWatched()
        #expect(outcome == ["waiting: cancelled", "begun: cancelled", "last: answered"])
        #expect(gate.names == ["begun", "last"], "what was dropped was looked up")
    }

    @Test("H2: many at once, each with its own answer")
    func many() throws {
        let resolver = ThreadedResolver(threadLimit: 8) { name, _ in
            .success([SocketAddress(.ipv4(UInt32(name.dropFirst(4)) ?? 0, port: 0))])
        }
        let reactor = try Reactor(options: .forTests)
        var answers = 0
        for number in 1...2000 {
            resolver.resolve("name\(number)", port: 7, .ipv4, on: reactor).addCallback { addresses in
                #expect(addresses == [SocketAddress(.ipv4(UInt32(number), port: 7))])
                answers += 1
                if answers == 2000 { try reactor.stop() }
            }
        }
        try reactor.runWatched()
        #expect(answers == 2000)
    }

    @Test("H2: a reactor that goes away during look-ups neither waits for them nor hears of them")
    func reactorGone() throws {
        let gate = Gate()
        gate.close("slow")
        weak var deferred: Deferred<[SocketAddress]>?
        weak var threads: ThreadedResolver?
        do {
            let reactor = try Reactor(options: .forTests)
            let resolver = ThreadedResolver(threadLimit: 1) { name, _ in
                gate.pass(name)
                return .success([])
            }
            threads = resolver
            reactor.resolver = resolver
            let slow = resolver.lookUp("slow", .ipv4, on: reactor)
            slow.addBoth { _ in _ = Issue.record("told, without a reactor") }
            deferred = slow
            resolver.lookUp("never begun", .ipv4, on: reactor).addBoth { _ in _ = Issue.record("told") }
            reactor.callWhenRunning { try reactor.stop() }
            let before = ContinuousClock.now
            try reactor.runWatched()
            #expect(ContinuousClock.now - before < .seconds(5), "the reactor waited for a look-up")
        }
        #expect(threads == nil, "the resolver is kept by its threads")
        gate.open()
        let end = ContinuousClock.now + .seconds(10)
        while deferred != nil || gate.names.count < 2, ContinuousClock.now < end { usleep(1000) }
        #expect(deferred == nil, "the answer is kept for nobody")
    }

    @Test("a reactor that looks nothing up has no resolver, and one replaced goes at once")
    func costsNothing() throws {
        let reactor = try Reactor(options: .forTests)
        weak var former: ThreadedResolver?
        former = reactor.resolver as? ThreadedResolver
        #expect(former?.threadLimit == 8)
        reactor.resolver = StaticResolver([:])
        #expect(former == nil)
    }
}
