/// How much unsent output makes a transport pause its producer, and how little has it resume (P2).
public struct WaterMarks: Hashable, Sendable {
    private let storedLow: UInt32
    private let storedHigh: UInt32

    /// With no more than this many bytes waiting a paused producer is resumed, and ``Transport/drained(isolation:)`` returns.
    public var low: Int { Int(storedLow) }

    /// With more than this many bytes waiting a push producer is paused.
    public var high: Int { Int(storedHigh) }

    /// - Precondition: 0 ≤ `low` ≤ `high`. More than 4 GiB count as that.
    public init(low: Int, high: Int) {
        precondition(0 <= low && low <= high, "water marks: 0 <= low <= high, not \(low) and \(high)")
        storedLow = UInt32(clamping: low)
        storedHigh = UInt32(clamping: high)
    }

    /// 16 and 64 KiB.
    public static let standard = WaterMarks(low: 16 * 1024, high: 64 * 1024)
}
