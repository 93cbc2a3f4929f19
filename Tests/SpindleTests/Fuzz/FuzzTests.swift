import Testing

/// Random sequences of what users, peers and the kernel may do, held against the contract. A few in each test run; `scripts/fuzz`
/// goes on for as long as one likes, and with new ones.
@Suite(.ownThreads) struct FuzzTests {
    @Test("S, W, P, X: whatever both ends of a connection do, in any order", arguments: StreamKind.allCases)
    func streams(kind: StreamKind) throws {
        try FuzzSeeds.each(kind.rawValue, atLeast: 1) { seed in try StreamFuzz(kind, seed).run() }
    }

    @Test("F1, F5, S2, E4: whatever is done in whichever callback of ports, connectors and services")
    func connectors() throws {
        try FuzzSeeds.each("connectors", atLeast: 3) { seed in try ConnectorFuzz(seed).run() }
    }
}
