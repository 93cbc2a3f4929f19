import Testing

@testable import Spindle

/// Rule F4: names from a table.
@Suite(.ownThreads) struct StaticResolverTests {
    private let v4 = SocketAddress(.ipv4(0x0a00_0001, port: 0))
    private let v6 = SocketAddress(.ipv6(.init(high: 1, low: 2, scope: 3), port: 0))

    @Test("F4: what needs no look-up") func numeric() throws {
        try ResolverRules.checkWhatNeedsNoLookUp(StaticResolver(["127.0.0.1": [v6]]))
    }

    @Test("F4: a name's addresses by family, at once, with the port asked for")
    func table() throws {
        let resolver = StaticResolver(["Db.Internal": [v6, v4], "four": [v4]])
        for name in ["db.internal", "DB.INTERNAL."] {
            #expect(try ResolverRules.answer(resolver, name, port: 5).get() == [try #require(v4.with(port: 5))])
            #expect(try ResolverRules.answer(resolver, name, .ipv6).get() == [try #require(v6.with(port: 80))])
        }
        #expect(try ResolverRules.answer(resolver, "four", .ipv6).get() == [])
        let reactor = try Reactor(options: .forTests)
        #expect(resolver.lookUp("four", .ipv4, on: reactor).hasFired)
        resolver["four"] = nil
        #expect(resolver["FOUR."] == nil)
        #expect(resolver.lookUp("four", .ipv4, on: reactor).takeResult()?.failure is DNSLookupError)
    }

    @Test("F4: an unknown name is an error, or the fallback's")
    func unknown() throws {
        let error = try ResolverRules.answer(StaticResolver([:]), "nobody").failure
        #expect((error as? DNSLookupError)?.name == "nobody")
        let resolver = StaticResolver(["a": []], fallback: StaticResolver(["a": [v4], "b": [v4]]))
        #expect(try ResolverRules.answer(resolver, "a").get() == [])
        #expect(try ResolverRules.answer(resolver, "b").get().count == 1)
    }
}
