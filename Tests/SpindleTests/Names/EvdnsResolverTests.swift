import Glibc
import SpindleDNS
import Testing

@testable import Spindle

/// Rule F4: names, looked up on the loop by libevent's evdns.
@Suite(.ownThreads) struct EvdnsResolverTests {
    private static let server = NameServer.shared?.address
    private static let why: Comment = "there is no Python with Twisted"

    private func resolver() throws -> EvdnsResolver {
        try EvdnsResolver(nameservers: [try #require(Self.server)])
    }

    @Test("F4: what needs no look-up") func numeric() throws {
        try ResolverRules.checkWhatNeedsNoLookUp(try EvdnsResolver())
    }

    @Test("F4: /etc/hosts, with name servers of /etc/resolv.conf and with others") func hostsFile() throws {
        try ResolverRules.checkHostsFile(try EvdnsResolver())
        try ResolverRules.checkHostsFile(try EvdnsResolver(nameservers: ["127.0.0.1:9"]))
    }

    @Test(
        "a name server that is no address is an error that names it",
        arguments: ["", "ns.test", "1.2.3.4:x", "1.2.3.4\0"])
    func invalidServer(server: String) {
        let error = #expect(throws: InvalidAddressError.self) { try EvdnsResolver(nameservers: ["127.0.0.1", server]) }
        #expect(error?.host == server)
    }

    @Test("F4: answers of a real name server, by family", .enabled(if: server != nil, why))
    func answers() throws {
        let (v4, v6) = (["192.0.2.1", "192.0.2.2"], ["2001:db8::1"])
        for _ in 0..<2 {
            let found = try ResolverRules.answer(try resolver(), "both.test", port: 5).get()
            #expect(found.map(\.host).sorted() == v4)
            #expect(found.allSatisfy { $0.port == 5 })
            #expect(try ResolverRules.answer(try resolver(), "both.test", .ipv6).get().map(\.host) == v6)
        }
        // Exists, but has no such address: evdns cannot tell that from no answer.
        #expect(try ResolverRules.answer(try resolver(), "four.test", .ipv6).failure is DNSLookupError)
        let error = try ResolverRules.answer(try resolver(), "nobody.test").failure as? DNSLookupError
        #expect(error?.name == "nobody.test")
        #expect(error?.reason.isEmpty == false)
        // No label is as long as this.
        let long = String(repeating: "x", count: 64) + ".test"
        #expect(try ResolverRules.answer(try resolver(), long).failure is DNSLookupError)
    }

    @Test("F4: many at once, each with its own answer, and one reactor after another", .enabled(if: server != nil, why))
    func many() throws {
        let resolver = try resolver()
        for _ in 0..<2 {
            let reactor = try Reactor(options: .forTests)
            reactor.resolver = resolver
            var answers = 0
            reactor.callWhenRunning {
                for number in 0..<500 {
                    resolver.resolve("number\(number).test", port: 7, .ipv4, on: reactor).addBoth { result -> Void in
                        #expect(try result.get().map(\.host) == ["10.0.\(number / 256).\(number % 256)"])
                        answers += 1
                        if answers == 500 { try reactor.stop() }
                    }.addErrback { error in _ = Issue.record(error) }
                }
            }
            try reactor.runWatched()
            #expect(answers == 500)
        }
    }

    @Test("H2: no answer is fired from inside the look-up, not even one of /etc/hosts")
    func notAtOnce() throws {
        let reactor = try Reactor(options: .forTests)
        let resolver = try EvdnsResolver()
        reactor.callWhenRunning {
            let answer = resolver.lookUp("localhost", .ipv4, on: reactor)
            #expect(!answer.hasFired)
            answer.addBoth { _ in try reactor.stop() }
        }
        try reactor.runWatched()
    }

    @Test("F4: a name server that does not answer is an error in the end")
    func deaf() throws {
        let deaf = UnansweredPort.deaf()
        let resolver = try EvdnsResolver(
            nameservers: ["127.0.0.1:\(deaf.number)"], timeout: .milliseconds(20), attempts: 2)
        let begun = ContinuousClock.now
        let error = try ResolverRules.answer(resolver, "name.test").failure as? DNSLookupError
        #expect(error?.name == "name.test")
        #expect(ContinuousClock.now - begun >= .milliseconds(40))
        withExtendedLifetime(deaf) {}
    }

    @Test(
        "F4: cancelling is immediate, at whatever stage, and leaves the others alone", .enabled(if: server != nil, why))
    func cancelling() throws {
        let reactor = try Reactor(options: .forTests)
        let resolver = try resolver()
        var outcome: [String] = []
        func ask(_ name: String) -> Deferred<Void> {
            resolver.lookUp(name, .ipv4, on: reactor).addBoth { result in
                outcome.append("\(name): \(result.failure.map { "\($0)" } ?? "answered")")
            }
        }
        reactor.callWhenRunning {
            ask("silent1.test").cancel()
            #expect(outcome == ["silent1.test: cancelled"])
            ask("localhost").cancel()
            #expect(outcome.count == 2)
            let under = ask("silent2.test")
            ask("both.test").addCallback {
                under.cancel()
                #expect(outcome.suffix(2) == ["both.test: answered", "silent2.test: cancelled"])
                ask("four.test").addCallback { try reactor.stop() }
            }
        }
        try reactor.runWatched()
        #expect(outcome.last == "four.test: answered")
        #expect(outcome.count == 5)
    }

    @Test("nothing stays on the loop when no look-up is left", .enabled(if: server != nil, why))
    func idle() throws {
        let reactor = try Reactor(options: .forTests)
        reactor.resolver = try resolver()
        reactor.callWhenRunning {
            reactor.resolver.lookUp("both.test", .ipv4, on: reactor).addBoth { _ in
                #expect(reactor.base.tenants.count == 1)
                reactor.poll { reactor.base.tenants.isEmpty }
            }
        }
        try reactor.runWatched()
    }

    enum End: CaseIterable { case beforeRunning, cancelled, underWay, replaced }

    @Test(
        "a reactor that goes away during look-ups frees everything in order, and nobody hears of it",
        arguments: End.allCases)
    func reactorGone(end: End) throws {
        let deaf = UnansweredPort.deaf()
        weak var gone: Reactor?
        weak var base: EventBase?
        var told = 0
        do {
            let reactor = try Reactor(options: .forTests)
            (gone, base) = (reactor, reactor.base)
            reactor.resolver = try EvdnsResolver(nameservers: ["127.0.0.1:\(deaf.number)"])
            let lookUps = (0..<100).map { reactor.resolver.lookUp("name\($0)", .ipv4, on: reactor) }
            for lookUp in lookUps { lookUp.addBoth { _ in told += 1 } }
            if end != .beforeRunning {
                reactor.callLater(.milliseconds(5)) {
                    // In the last pass of all, so that the loop never gets to evdns's callbacks.
                    if end == .cancelled { for lookUp in lookUps { lookUp.cancel() } }
                    try reactor.stop()
                }
            }
            if end == .replaced { reactor.callLater(.zero) { reactor.resolver = StaticResolver([:]) } }
            let begun = ContinuousClock.now
            if end != .beforeRunning { try reactor.runWatched() }
            #expect(ContinuousClock.now - begun < .seconds(4), "the reactor waited for a look-up")
            #expect(told == (end == .cancelled ? 100 : 0))
        }
        #expect(gone == nil)
        #expect(base == nil)
        #expect(told == (end == .cancelled ? 100 : 0))
        withExtendedLifetime(deaf) {}
    }
}
