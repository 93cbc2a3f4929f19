import Testing

/// The steps of one random run; the first check that fails is recorded with the seed and the steps that led there.
final class FuzzLog {
    private let title: String
    private let seed: Int
    private var steps: [String] = []
    private(set) var hasFailed = false

    /// So many steps are shown.
    private static let shown = 100

    init(_ title: String, seed: Int) {
        self.title = title
        self.seed = seed
    }

    func note(_ step: String) { steps.append(step) }

    func check(_ isRight: Bool, _ mistake: @autoclosure () -> String) {
        guard !isRight, !hasFailed else { return }
        hasFailed = true
        let last = steps.suffix(Self.shown).joined(separator: "; ")
        Issue.record(
            """
            \(title), seed \(seed), step \(steps.count): \(mistake())
            to see it again: scripts/fuzz 0 \(seed)
            the last steps: \(last)
            """)
    }
}
