import Spindle

/// Echo on several reactors, for `scripts/bench group`: --threads N, --acceptor, --work ROUNDS.
enum Group {
    static func run(_ port: Int, _ arguments: ArraySlice<String>) throws {
        func number(_ option: String) -> Int {
            arguments.firstIndex(of: option).flatMap { Int(arguments[$0 + 1]) } ?? 0
        }
        let group = try ReactorGroup(count: number("--threads"))
        let rounds = number("--work")
        let sharing = arguments.contains("--acceptor") ? ReactorGroup.Sharing.acceptor : .kernel
        announce(try group.listenTCP(port, backlog: 1024, sharing: sharing) { _ in CountingFactory(rounds) })
        try group.run()
    }

    /// Says in the end how many connections one reactor has had.
    private final class CountingFactory: Factory {
        private let rounds: Int
        private var count = 0

        init(_ rounds: Int) {
            self.rounds = rounds
            super.init()
        }

        override func buildProtocol(_ address: SocketAddress) -> Protocol? {
            count += 1
            return WorkingProtocol(rounds)
        }

        override func stopFactory() { print("served \(count)") }
    }

    private final class WorkingProtocol: Protocol {
        private let rounds: Int
        init(_ rounds: Int) { self.rounds = rounds }

        override func dataReceived(_ data: RawSpan) {
            if compute(rounds) != 0 { transport.write(data) }
        }
    }

    /// Stands for what a server does besides echoing: xorshift, each round of which depends on the one before it.
    @inline(never)
    private static func compute(_ rounds: Int) -> UInt64 {
        (0..<rounds).reduce(1) { last, _ in
            let first = last ^ (last << 13)
            let second = first ^ (first >> 7)
            return second ^ (second << 17)
        }
    }
}
