import Testing

@testable import Spindle

/// What every resolver has to do, whoever it asks.
enum ResolverRules {
    /// Asks, and runs the reactor until the answer is there.
    static func answer(
        _ resolver: any Resolver, _ name: String, port: Int = 80, _ family: SocketAddress.Family = .ipv4
    ) throws -> Result<[SocketAddress], any Error> {
        let reactor = try Reactor(options: .forTests)
        var answer: Result<[SocketAddress], any Error>?
        reactor.callWhenRunning {
            resolver.resolve(name, port: port, family, on: reactor).addBoth { result in
                #expect(answer == nil, "answered twice")
                answer = result
                try reactor.stop()
            }
        }
        try reactor.runWatched()
        return try #require(answer)
    }

    /// F4: numeric addresses stand for themselves and keep their scope; nonsense is an error of its own type.
    static func checkWhatNeedsNoLookUp(_ resolver: any Resolver) throws {
        let v4 = try SocketAddress("127.0.0.1", port: 80)
        #expect(try answer(resolver, "127.0.0.1").get() == [v4])
        #expect(try answer(resolver, "127.0.0.1", .ipv6).get() == [])
        let scoped = try SocketAddress("fe80::1%lo", port: 80)
        #expect(try answer(resolver, "fe80::1%lo", .ipv6).get() == [scoped])
        #expect(scoped.host == "fe80::1%lo")
        #expect(try answer(resolver, "fe80::1%lo", .ipv4).get() == [])
        for nonsense in ["", "a\0b", "127.0.0.1\0", String(repeating: "a.", count: 600)] {
            let result = try answer(resolver, nonsense)
            #expect(throws: DNSLookupError.self, "\(nonsense)") { try result.get() }
        }
        for port in [-1, 65_536] {
            let result = try answer(resolver, "localhost", port: port)
            #expect(throws: InvalidAddressError.self) { try result.get() }
        }
    }

    /// F4: the names of /etc/hosts work, and the answer has the port that was asked for.
    static func checkHostsFile(_ resolver: any Resolver) throws {
        let loopback = try SocketAddress("127.0.0.1", port: 443)
        #expect(try answer(resolver, "localhost", port: 443).get().contains(loopback))
    }
}

extension Result {
    var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}
