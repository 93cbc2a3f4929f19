import Glibc

/// The seeds that are tried: by default the first few, otherwise what scripts/fuzz has put into the environment.
enum FuzzSeeds {
    private static let first = number("SPINDLE_FUZZ_SEED") ?? 0
    /// How long each test goes on.
    private static let seconds = number("SPINDLE_FUZZ_SECONDS")

    /// Calls `body` with one seed after the other, until one fails.
    static func each(_ title: String, atLeast count: Int, _ body: (Int) throws -> FuzzLog) rethrows {
        let start = ContinuousClock.now
        var seed = first
        defer { if seconds != nil { print("\(title): seeds \(first) to \(seed)") } }
        // With a time to go by there is at least one: no time at all repeats one seed.
        let least = seconds == nil ? count : 1
        while try !body(seed).hasFailed {
            guard seed + 1 - first < least || ContinuousClock.now - start < .seconds(seconds ?? 0) else { return }
            seed += 1
        }
    }

    private static func number(_ variable: String) -> Int? { getenv(variable).flatMap { Int(String(cString: $0)) } }
}
