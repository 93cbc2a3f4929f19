import Glibc

/// How long to wait between attempts at something that fails: longer each time, and not in step with others.
///
/// ```swift
/// ClientService(reactor, endpoint, factory, retryPolicy: BackoffPolicy(maxDelay: .seconds(10)))
/// ```
public struct BackoffPolicy: Hashable, Sendable {
    /// The delay after the first failure.
    public var initialDelay: Duration

    /// What no delay exceeds.
    public var maxDelay: Duration

    /// How many times longer each delay is than the one before.
    public var factor: Double

    /// How much of each delay is left to chance, from 0 for none to 1 for all: with 0.5 it is between half
    /// and all of what it would be. Keeps those that lost the same server from coming back all at once.
    public var jitter: Double

    public init(
        initialDelay: Duration = .seconds(1), maxDelay: Duration = .seconds(60), factor: Double = 1.5,
        jitter: Double = 0.5
    ) {
        self.initialDelay = initialDelay
        self.maxDelay = maxDelay
        self.factor = factor
        self.jitter = jitter
    }

    /// The delay after this many failures in a row. Whatever the settings, from zero to ``maxDelay``.
    public func delay(afterFailures count: Int) -> Duration {
        var generator = SystemRandomNumberGenerator()
        return delay(afterFailures: count, using: &generator)
    }

    /// As ``delay(afterFailures:)``, with random numbers of your own.
    public func delay(afterFailures count: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        let longest = min(max(.zero, maxDelay), Self.eternity) / .seconds(1)
        let first = min(max(.zero, initialDelay), Self.eternity) / .seconds(1)
        let grown = first * pow(factor, Double(max(1, count) - 1))
        // A comparison with what is not a number is false, whichever way round.
        let delay = grown >= 0 && grown < longest ? grown : longest
        let chance = jitter > 0 ? min(jitter, 1) : 0
        let chosen = delay * (1 - chance * Double.random(in: 0...1, using: &generator))
        return min(.seconds(chosen), max(.zero, maxDelay))
    }

    /// More than anybody waits, and little enough to be reckoned with.
    private static let eternity: Duration = .seconds(1_000_000_000)
}
