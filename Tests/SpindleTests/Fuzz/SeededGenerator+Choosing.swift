import TestSupport

extension SeededGenerator {
    /// A number from 0 on.
    mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &self) }

    mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }
}
