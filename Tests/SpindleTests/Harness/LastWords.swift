/// Says something when it goes.
final class LastWords {
    private let words: () -> Void

    init(_ words: @escaping () -> Void) { self.words = words }

    deinit { words() }
}
